"""`make gpu-check`: whether this GPU and this PyTorch train as they should, the likeliest faults first, in minutes.

Each check is a process of its own, since a capture that breaks spoils the process that it breaks in.
"""

import argparse
import multiprocessing
import sys
import time

from gpu_check.checks import CHECKS, Check, work


def passes(check: Check, device: str) -> bool:
    """Runs a check in a process of its own, and says what came of it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, check, device))
    began = time.monotonic()
    process.start()
    theirs.close()
    good, text = False, f"not done after {check.seconds} s"
    if ours.poll(check.seconds):
        try:
            good, text = ours.recv()
        except EOFError:
            process.join()
            text = f"its process ended unexpectedly (exit code {process.exitcode})"
    process.kill()
    process.join()
    name = check.what.__name__
    print(f"{'ok    ' if good else 'FAILED'} {name} ({time.monotonic() - began:.0f} s): {text}", flush=True)
    if not good:
        print(f"       what to do: {check.otherwise}", flush=True)
    return good


def main() -> int:
    """Exit code 1 if a check failed."""
    parser = argparse.ArgumentParser(prog="gpu_check", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the checks themselves")
    parser.add_argument("--only", help="one check by its name", choices=[check.what.__name__ for check in CHECKS])
    given = parser.parse_args()
    chosen = [check for check in CHECKS if given.only in (None, check.what.__name__)]
    failed = [check for check in chosen if not passes(check, given.device)]
    print(f"{len(chosen) - len(failed)} of {len(chosen)} checks passed.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
