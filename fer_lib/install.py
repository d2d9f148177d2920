"""Sets up an environment from locks: by uv, which takes a minute, or else by pip. Needs nothing but Python.

    python3 -m fer_lib setup [.venv requirements.lock] [--torch-from URL-OR-FOLDER]

uv is the one on PATH, or one that pip puts into the environment first. Every file is checked against its hash in the
lock; PyTorch from an index of one's own (`--torch-from`) is not, since a build for CPUs has another.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

OLDEST = (3, 11)
TORCH = re.compile(r"(torch|torchvision|triton|nvidia-[\w-]+|cuda-[\w-]+)==")  # what a build of PyTorch brings or needs
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Installs the locks, and this package as it lies here; what is wrong is one line, and exit code 1."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("folder", type=Path, nargs="?", default=ROOT / ".venv")
    given.add_argument("locks", type=Path, nargs="*", default=[ROOT / "requirements.lock"])
    given.add_argument("--torch-from", default="", help="an index, or a folder, that PyTorch is taken from")
    options = given.parse_args()
    if sys.version_info < OLDEST:
        sys.exit(f"error: Python {'.'.join(map(str, OLDEST))} or newer is needed, this is {sys.version.split()[0]}.")
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    python = options.folder / scripts / ("python.exe" if sys.platform == "win32" else "python")
    if not python.exists():
        venv.create(options.folder, with_pip=True)
    uv = shutil.which("uv") or shutil.which("uv", path=str(python.parent)) or _uv_by_pip(python)
    for lock in options.locks:
        _install(python, uv, "--require-hashes", "-r", _without_torch(lock) if options.torch_from else lock)
        if options.torch_from and (torch := _torch_in(lock)):
            where = "--find-links" if Path(options.torch_from).is_dir() else "--index-url"
            offline = ["--no-index"] if where == "--find-links" else []
            _install(python, uv, "--no-deps", *offline, where, options.torch_from, *torch)
    _install(python, uv, "--no-deps", "--no-build-isolation", "-e", ROOT)


def _uv_by_pip(python: Path) -> str:
    """uv in the environment, put there by pip; empty where that failed."""
    lock = ROOT / "requirements-uv.lock"
    done = subprocess.run(_pip(python, "--require-hashes", "-r", lock), capture_output=True)
    return "" if done.returncode else shutil.which("uv", path=str(python.parent)) or ""


def _pip(python: Path, *words: object) -> list[str]:
    return [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *map(str, words)]


def _install(python: Path, uv: str, *words: object) -> None:
    """Installs by uv; where there is none, or it fails, by pip."""
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(python), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True)
        if not done.returncode:
            return
        _stop_if_full(done.stderr)
    print("uv cannot install this; pip does it, which takes some minutes ...", flush=True)
    done = subprocess.run(_pip(python, *words), capture_output=True, text=True)
    if done.returncode:
        _stop_if_full(done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        sys.exit(f"error: the packages cannot be installed; is there a network? ({' '.join(lines[-1:])[:200]})")


def _stop_if_full(said: str) -> None:
    if "No space left" in said or "os error 28" in said:
        sys.exit("error: the disk is full; PyTorch and its libraries take about 5 GB.")


def _torch_in(lock: Path) -> list[str]:
    """PyTorch's packages with their versions, as `torch==2.11.0`."""
    return re.findall(r"^(torch(?:vision)?==[^\s;\\]+)", lock.read_text(), flags=re.M)


def _without_torch(lock: Path) -> Path:
    """A lock without PyTorch and what it brings for a GPU."""
    blocks = re.split(r"(?m)^(?=\S)", lock.read_text())
    path = Path(tempfile.mkdtemp()) / lock.name
    path.write_text("".join(block for block in blocks if not TORCH.match(block)))
    return path


if __name__ == "__main__":
    main()
