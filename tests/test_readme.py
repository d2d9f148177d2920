"""Every word of README and docs runs: Python blocks are executed, commands exist with the options they are given."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from fer_lib import cli
from fer_lib.data import load
from fer_lib.study.photo import chosen

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
# not LOG.md, which tells of commands as they were
TEXTS = [README, *(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "LOG.md")]
FENCED = re.findall(r"^```(\w*)\n(.*?)^```", "\n".join(TEXTS), flags=re.S | re.M)
SHELL = [line for language, block in FENCED if language != "python" for line in block.splitlines() if line.strip()]
SHELL += re.findall(r"`((?:make [a-z]|\.venv/bin/python|python -m fer_lib)[^`]*)`", "\n".join(TEXTS))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.M))
VARIABLES = re.findall(r"^([A-Z]+) +\?=|ifdef ([A-Z_]+)|\$\(if \$\(([A-Z]+)\)", MAKEFILE, flags=re.M)
KNOWN = {name for names in VARIABLES for name in names if name}


@pytest.mark.parametrize("block", [block for language, block in FENCED if language == "python"])
def test_a_python_block_runs(block, fer_csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen("")[0].save("photo.jpg")
    faces = load("toyfaces")
    for row in np.concatenate([np.flatnonzero(faces.labels == label)[:6] for label in (3, 4)]):
        folder = Path("my_faces", faces.classes[faces.labels[row]])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(faces.images[row]).save(folder / f"{row}.png")
    exec(block.replace("FOLDER", str(fer_csv())), {})


@pytest.mark.parametrize("line", SHELL)
def test_a_shell_command_exists_with_its_options(line):
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        targets = [word for word in words[1:] if "=" not in word]
        assert set(targets) <= TARGETS
        assert {word.partition("=")[0] for word in words[1:] if "=" in word} <= KNOWN
    elif words[0].endswith("papermill"):
        assert all((ROOT / word).is_file() for word in words[2:4])
    elif words[-1] == "setup":  # which comes before any package, and so is no command of the command line
        assert words[:3] == ["python", "-m", "fer_lib"]
    elif words[1].startswith("docs/"):
        assert all((ROOT / word).is_file() for word in words[1:3])
    elif "fer_lib" in words and "-m" in words:
        command, rest = get_command(cli.app), words[words.index("fer_lib") + 1 :]
        while rest and not rest[0].startswith("-") and hasattr(command, "commands"):
            command, rest = command.commands[rest[0]], rest[1:]
        command.make_context("fer_lib", rest)  # raises for an unknown option and for a wrong number of arguments
    else:
        assert words[:2] == ["git", "clone"], f"no test knows how to check {line!r}"


def test_it_names_every_command_of_the_command_line():
    found = set()
    for name, command in get_command(cli.app).commands.items():
        found |= {f"{name} {part}" for part in command.commands} if hasattr(command, "commands") else {name}
    assert not [name for name in sorted(found) if not re.search(rf"fer_lib {name}\b", "\n".join(TEXTS))]


def test_it_is_short():
    assert len(README.split()) <= 900
