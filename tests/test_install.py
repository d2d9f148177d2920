"""`make setup`: what it installs from where, and what a user reads where it cannot."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fer_lib import install

ROOT = Path(__file__).parents[1]


def wheel(folder: Path, name: str, version: str) -> str:
    """An empty package as a wheel in `folder`; its hash."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digest = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
              for path, text in files.items()}  # fmt: skip
    files[f"{about}/RECORD"] = "".join(f"{path},sha256={digest[path]},\n" for path in digest) + f"{about}/RECORD,,\n"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of two packages in a folder; the package itself is not installed."""
    hashes = {name: wheel(tmp_path / "index", name, "1.0") for name in ("tool", "torch")}
    path = tmp_path / "requirements.lock"
    lines = [f"{name}==1.0 \\\n    --hash=sha256:{found}" for name, found in hashes.items()]
    path.write_text("\n".join(["--no-index", f"--find-links {tmp_path / 'index'}", *lines]) + "\n")
    own = install._install
    monkeypatch.setattr(install, "_install", lambda *words: own(*words) if "-e" not in words else None)
    monkeypatch.setattr(install, "_uv_by_pip", lambda python: "")
    monkeypatch.setattr(install.shutil, "which", lambda name, path=None: None)
    return path


def installed(folder: Path) -> dict[str, str]:
    say = "import tool, torch; print(tool.__version__, torch.__version__)"
    told = subprocess.run([folder / "bin" / "python", "-c", say], capture_output=True, text=True, check=True).stdout
    return dict(zip(("tool", "torch"), told.split(), strict=True))


def set_up(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["install.py", *map(str, words)])
    install.main()


@pytest.mark.slow
def test_a_lock_is_installed_with_its_hashes_and_pip_says_that_it_takes_over(lock, tmp_path, monkeypatch, capfd):
    set_up(monkeypatch, tmp_path / "made", lock)
    assert installed(tmp_path / "made") == {"tool": "1.0", "torch": "1.0"}
    assert capfd.readouterr().out == "uv cannot install this; pip does it, which takes some minutes ...\n"
    lock.write_text(lock.read_text().replace("sha256:", "sha256:0"))
    with pytest.raises(SystemExit, match=r"^error: the packages cannot be installed; is there a network\?"):
        set_up(monkeypatch, tmp_path / "other", lock)


@pytest.mark.slow
def test_pytorch_comes_from_an_index_of_ones_own(lock, tmp_path, monkeypatch):
    wheel(tmp_path / "cpu", "torch", "1.0+cpu")
    set_up(monkeypatch, tmp_path / "made", lock, "--torch-from", tmp_path / "cpu")
    assert installed(tmp_path / "made") == {"tool": "1.0", "torch": "1.0+cpu"}


def test_with_another_pytorch_nothing_of_nvidias_is_installed():
    left = install._without_torch(ROOT / "requirements.lock").read_text()
    assert "\nnumpy==" in left
    assert not [name for name in ("torch==", "torchvision==", "triton==", "nvidia-") if f"\n{name}" in left]
    assert [line.split("==")[0] for line in install._torch_in(ROOT / "requirements.lock")] == ["torch", "torchvision"]


def test_what_is_wrong_is_one_line(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match=r"^error: the disk is full"):
        install._stop_if_full("OSError: [Errno 28] No space left on device")
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit, match=r"^error: Python 3\.11 or newer is needed, this is"):
        set_up(monkeypatch, tmp_path, ROOT / "requirements.lock")
