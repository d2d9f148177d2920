"""`make faults`: what may happen to a campaign, made to happen, in an hour at most; writes reports/bench/faults.json.

Seeded: a fault that shows something shows it again.
"""

import argparse
import json
import time
from pathlib import Path

from faults.machine import full_disk, full_report, kills, no_locks, on_one_store, signals, wrong_clock
from faults.matter import archives, flips, pictures, tables

from fer_lib.files import write_atomically

FILE = Path(__file__).parents[2] / "reports" / "bench" / "faults.json"
FAULTS = {
    "`kill -9` of a process of `run --jobs 2` at a random moment": (kills, 100),
    "a full file system, at a random size, then more space": (full_disk, 12),
    "the same while a page of the report is made": (full_report, 6),
    "two or four processes on one store": (on_one_store, 4),
    "a clock that jumps by up to a day, back and forth": (wrong_clock, 10),
    "a store on a file system without locks": (no_locks, 3),
    "SIGTERM, SIGINT, a closed terminal": (signals, 6),
    "one byte changed in a record, predictions, checkpoint, weights or cache": (flips, 200),
    "an archive that is a bomb, or climbs out of its folder": (archives, 6),
    "a mutated CSV, with limits on time and memory": (tables, 2000),
    "a mutated JPEG, PNG, WebP, TIFF, AVIF or GIF in a folder of a hundred": (pictures, 20000),
}


def main() -> None:
    """Runs them all, or those of some names with some times, and says how many went well."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[fault.__name__ for fault, _ in FAULTS.values()])
    parser.add_argument("--times", type=int, help="how often each, instead of its own number")
    given = parser.parse_args()
    found = {}
    for what, (fault, times) in FAULTS.items():
        if given.only and fault.__name__ not in given.only:
            continue
        began = time.monotonic()
        troubles = fault(given.times or times, seed=48)
        found[what] = {
            "times": given.times or times, "well": (given.times or times) - len(troubles),
            "seconds": round(time.monotonic() - began),
        }  # fmt: skip
        print(f"{found[what]['well']} of {found[what]['times']} ({found[what]['seconds']} s)  {what}", flush=True)
        for trouble in troubles:
            print(f"    {trouble}", flush=True)
    if not given.times:
        kept = json.loads(FILE.read_bytes()) if FILE.is_file() else {}
        kept = {what: (kept | found)[what] for what in FAULTS if what in kept | found}
        write_atomically(FILE, (json.dumps(kept, indent=1, ensure_ascii=False) + "\n").encode())
    raise SystemExit(any(line["well"] < line["times"] for line in found.values()))


if __name__ == "__main__":
    main()
