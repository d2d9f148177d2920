"""A notebook for Google Colab: a copy whose first cell fetches the study and installs what it needs.

    python docs/colab.py notebooks/07_what_theta_does.ipynb REPOSITORY copy.ipynb

REPOSITORY is where `git clone` finds the study. The copy runs wherever Jupyter, git and pip are.
"""

import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

FETCH = """\
import os, subprocess, sys

# Google Colab: fetches the study once, and installs what is not here yet
if not os.path.exists("fer_lib"):
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", {repository!r}, "fer_lib"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "-e", "fer_lib"], check=True)
os.chdir("fer_lib")
sys.path.insert(0, os.getcwd())"""


def write(notebook: Path, repository: str, copy: Path) -> None:
    """Writes a copy of the notebook that begins by fetching the study from `repository`."""
    nb = nbformat.read(notebook, as_version=4)
    nb.cells.insert(0, new_code_cell(FETCH.format(repository=repository), id="colab"))
    nbformat.write(nb, copy)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
