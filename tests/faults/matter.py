"""Faults of what is read: bytes that changed on the disk, archives and tables that mean ill or make no sense.

Each function makes its fault `times` times and returns a line for each time that it did not go well.
"""

import contextlib
import functools
import io
import multiprocessing
import os
import random
import resource
import shutil
import signal
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
from data.fer_files import FER_HEADER, make_table, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file
from training.tiny import outcome, same_arrays, tiny

from fer_lib import data
from fer_lib.data.duplicates import near_groups
from fer_lib.errors import FerError
from fer_lib.faces.finding import whole
from fer_lib.faces.looking import answers, photos_in
from fer_lib.faces.predict import Prediction
from fer_lib.models.weights import open_network
from fer_lib.training import RunContext, RunStore, run_one
from fer_lib.training.engine import Stopped

MEMORY = 1 << 30  # bytes more than are taken before
SECONDS = 20


def flips(times: int, *, seed: int) -> list[str]:
    """One byte of one file changes; whoever reads it next notices, or it does not matter: never another number."""
    chance, found = random.Random(seed), []
    with tempfile.TemporaryDirectory(prefix="faults") as name:
        folder, config = Path(name), tiny(attention="stn", split="official", ema=0.9)
        with mock.patch.dict(os.environ, FER_CACHE=str(folder / "cache")):
            wanted = _trained(folder, config)
            for number in range(times):
                kind, check = list(CHECKS.items())[number % len(CHECKS)]
                with _copied(folder / "as it was", folder / "now"):
                    path = chance.choice(sorted((folder / "now").glob(kind)))
                    content = bytearray(path.read_bytes())
                    place = chance.randrange(len(content))
                    content[place] ^= 1 << chance.randrange(8)
                    path.write_bytes(content)
                    try:
                        problem = check(folder / "now", config, wanted)
                    except Exception as error:
                        problem = f"{type(error).__name__}: {error}"
                if problem:
                    found.append(f"byte {place} of {path.relative_to(folder / 'now')}: {problem}")
    return found


def _trained(folder: Path, config):
    """A run stopped half way and one that ended, with caches and weights, under `as it was`."""
    whole, half = folder / "as it was" / "whole", folder / "as it was" / "half"
    record = run_one(config, RunContext(whole, device="cpu", threads=1), keep_weights=True)
    with contextlib.suppress(Stopped):
        run_one(
            config,
            RunContext(half, device="cpu", threads=1, checkpoint_every=0.0),
            should_continue=lambda seconds: False,
        )
    faces = data.load("toyfaces")
    near_groups(faces)
    shutil.copytree(folder / "cache", folder / "as it was" / "cache")
    arrays = {name: np.array(value) for name, value in RunStore(whole).predictions(record).items()}
    weights = load_file(RunStore(whole).weights_path(record.run_id))
    return (record, arrays, weights, np.array(faces.images), faces.fingerprint)


@contextlib.contextmanager
def _copied(source: Path, target: Path) -> Iterator[None]:
    shutil.copytree(source, target)
    try:
        yield
    finally:
        shutil.rmtree(target)


def _record(folder: Path, config, wanted) -> str:
    """A record, or its predictions: damaged, or the same."""
    store = RunStore(folder / "whole")
    record = store.get(wanted[0].run_id)
    if record is None:
        return "" if store.damaged else "gone without a word"
    same = outcome(record) == outcome(wanted[0]) and same_arrays(store.predictions(record), wanted[1])
    return "" if same else "another record"


def _checkpoint(folder: Path, config, wanted) -> str:
    """The run goes on from its checkpoint, or begins anew, and ends as the other."""
    store = RunStore(folder / "half")
    record = run_one(config, RunContext(folder / "half", device="cpu", threads=1))
    same = outcome(record) == outcome(wanted[0]) and same_arrays(store.predictions(record), wanted[1])
    return "" if same else "another record"


def _weights(folder: Path, config, wanted) -> str:
    """Weights are refused, or those that were kept."""
    path = RunStore(folder / "whole").weights_path(wanted[0].run_id)
    try:
        model = open_network(config, path, classes=len(wanted[0].classes))
    except FerError as error:
        return "" if len(str(error).splitlines()) <= 2 else str(error)
    state = model.state_dict()
    return "" if all((state[name] == value).all() for name, value in wanted[2].items()) else "other weights"


def _cache(folder: Path, config, wanted) -> str:
    """Images and groups are those that were drawn, from the cache or anew."""
    with mock.patch.dict(os.environ, FER_CACHE=str(folder / "cache")):
        faces = data.load("toyfaces")
        same = np.array_equal(faces.images, wanted[3]) and faces.fingerprint == wanted[4]
        return "" if same and len(near_groups(faces)) == len(faces) else "other images"


CHECKS: dict[str, Callable[..., str]] = {
    "whole/runs/*": _record, "half/**/*.safetensors": _checkpoint, "whole/weights/*": _weights,
    "cache/*/*": _cache,
}  # fmt: skip


def _limited(read: Callable[[], str], told: Connection) -> None:
    most = psutil.Process().memory_info().vms + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    told.send(read())


def _within_limits(read: Callable[[], str], *, seconds: float) -> str:
    """What `read` finds wrong, in a process with limits of its own; what became of that process otherwise."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_limited, args=(read, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(seconds) else f"not done after {seconds} s"
    except EOFError:
        process.join()
        return f"its process ended (exit code {process.exitcode})"
    finally:
        process.kill()
        process.join()


def _read(folder: Path) -> str:
    """Reads a data folder: what is wrong beyond an error of two lines."""
    try:
        faces = data.load("fer2013", data=folder)
    except FerError as error:
        return "" if len(str(error).splitlines()) <= 2 and len(str(error)) < 1000 else f"a long error: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    sound = faces.images.shape == (len(faces), 48, 48) and faces.images.dtype == np.uint8
    return "" if sound and set(np.unique(faces.labels)) <= set(range(7)) else "nonsense was read"


def archives(times: int, *, seed: int) -> list[str]:
    """Two small files that unpack to gigabytes, as one line or as rows, and members that climb or point outside."""
    found = []
    for kind in (["line", "rows", "climbs", "absolute", "link", "device"] * times)[:times]:
        with tempfile.TemporaryDirectory(prefix="faults") as name:
            folder = Path(name) / "in" / "data"
            folder.mkdir(parents=True)
            _archive(folder, kind)
            before = set(Path(name).rglob("*"))
            with mock.patch.dict(os.environ, FER_CACHE=str(Path(name) / "cache")):
                problem = _within_limits(functools.partial(_read, folder), seconds=120)
            outside = [path for path in set(Path(name).rglob("*")) - before if "cache" not in path.parts]
            if problem or outside:
                found.append(f"{kind}: {problem or outside}")
    return found


def _archive(folder: Path, kind: str) -> None:
    row = b"0," + b" ".join([b"7"] * 2304) + b",Training\n"
    header = b"emotion,pixels,Usage\n"
    if kind in ("line", "rows"):
        with (
            zipfile.ZipFile(folder / "fer2013.zip", "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("fer2013.csv", "w", force_zip64=True) as member,
        ):
            member.write(header)
            for _ in range(3_000 if kind == "line" else 700):
                member.write(b"7 " * (1 << 19) if kind == "line" else row * 400)
        return
    with tarfile.open(folder / "fer2013.tar.gz", "w:gz") as archive:
        outside = {"climbs": "../../fer2013.csv", "absolute": f"{folder.parents[1]}/fer2013.csv"}
        entry = tarfile.TarInfo(outside.get(kind, "fer2013.csv"))
        content = header + row * 40
        if kind in ("climbs", "absolute"):
            entry.size = len(content)
        else:
            entry.type = tarfile.SYMTYPE if kind == "link" else tarfile.CHRTYPE
            entry.linkname = "../../secret.csv"
        archive.addfile(entry, io.BytesIO(content))


def tables(times: int, *, seed: int) -> list[str]:
    """CSVs with pieces cut, doubled, swapped, replaced by other bytes: two lines of what is wrong, or sound images."""
    folder = Path(tempfile.mkdtemp(prefix="faults"))
    sound = write_csv(folder / "sound.csv", FER_HEADER, make_table(6).rows()).read_bytes()
    pieces = st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"\n", b'"', b",", b"\0", b"\xff\xfe", b"1e999", b"-1", b"256", b"\r"]),
        st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    )  # fmt: skip
    places = st.integers(0, len(sound))
    change = st.tuples(st.sampled_from(["cut", "double", "put", "swap"]), places, places, pieces)
    found: list[str] = []

    @seeded(seed)
    @settings(max_examples=times, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(change, min_size=1, max_size=6))
    def one(changes) -> None:
        content = sound
        for how, a, b, piece in changes:
            low, high = min(a, b), max(a, b)
            middle = {"cut": b"", "double": 2 * content[low:high], "put": piece, "swap": content[low:high][::-1]}[how]
            content = content[:low] + middle + content[high if how != "put" else low :]
        (folder / "data" / "fer2013.csv").write_bytes(content)
        signal.alarm(SECONDS)
        if problem := _read(folder / "data"):
            found.append(f"{problem[:300]}: {changes!r:.200}")

    def all_of_them() -> str:
        signal.signal(signal.SIGALRM, lambda *ignored: (_ for _ in ()).throw(TimeoutError("too long")))
        one()
        signal.alarm(0)
        return "\n".join(found)

    (folder / "data").mkdir()
    try:
        with mock.patch.dict(os.environ, FER_CACHE=str(folder / "cache")):
            told = _within_limits(all_of_them, seconds=1800)
        return told.splitlines()
    finally:
        shutil.rmtree(folder)


def pictures(times: int, *, seed: int) -> list[str]:
    """Photos with bytes changed, cut, doubled or put in, half of them in the header: a line each, no neighbour lost."""
    folder = Path(tempfile.mkdtemp(prefix="faults"))
    sound, chance, found = list(_sound_pictures()), random.Random(seed), list[str]()

    def seen(photo: Image.Image, *, crop: bool) -> list[Prediction]:
        assert whole(photo).crop.shape == (48, 48)
        return []

    def one_folder(number: int) -> None:
        for path in folder.iterdir():
            path.unlink()
        for place in range(number):
            content, suffix = chance.choice(sound)
            (folder / f"{place:03}{suffix}").write_bytes(_mutated(content, chance))
        (folder / "sound.png").write_bytes(sound[0][0])
        signal.alarm(SECONDS)
        try:
            told = list(answers(seen, photos_in([folder])[0]))  # type: ignore[arg-type]
        except Exception as error:
            shutil.copytree(folder, f"{folder}-{len(found)}")
            found.append(f"{type(error).__name__}: {error} (kept in {folder}-{len(found)})"[:300])
            return
        lost = [answer.error for answer in told if answer.file.endswith("sound.png") and answer.error]
        found.extend(lost or ["a photo has no answer"] * (len(told) != number + 1))
        found.extend(f"two lines: {answer.error!r:.200}" for answer in told if "\n" in answer.error)

    def all_of_them() -> str:
        signal.signal(signal.SIGALRM, lambda *ignored: (_ for _ in ()).throw(TimeoutError("too long")))
        for start in range(0, times, 100):
            one_folder(min(100, times - start))
        signal.alarm(0)
        return "\n".join(found)

    try:
        return _within_limits(all_of_them, seconds=1800).splitlines()
    finally:
        shutil.rmtree(folder)


def _sound_pictures() -> Iterator[tuple[bytes, str]]:
    """The same picture in every format, with a camera's EXIF where the format has it; its content and its suffix."""
    grey = np.add.outer(np.arange(40), 3 * np.arange(60)).astype(np.uint8)
    image, exif = (
        Image.fromarray(np.dstack([grey, grey.T.repeat(2, 0)[:40, :40].repeat(2, 1)[:, :60], grey])),
        Image.Exif(),
    )
    exif[0x0112], exif[0x010F], exif[0x011A], exif[0x0132] = 6, "Camera", 72.0, "2026:01:01 00:00:00"
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    camera, packed = {"exif": exif}, {"compression": "tiff_lzw"}
    kinds = {".png": {}, ".jpg": camera, ".webp": camera, ".tiff": camera, ".tif": packed, ".avif": camera, ".gif": {}}
    for suffix, options in kinds.items():
        buffer = io.BytesIO()
        image.save(buffer, Image.registered_extensions()[suffix], **options)
        yield buffer.getvalue(), suffix


def _mutated(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(min(len(changed), chance.choice((400, 1 << 30))) or 1)
        how = chance.choice(("byte", "byte", "byte", "cut", "double", "put"))
        if how == "byte" and changed:
            changed[place] = chance.choice((0, 0xFF, 0x80, chance.randrange(256)))
        elif how == "cut":
            del changed[place : place + chance.randint(1, 40)]
        else:
            piece = changed[place : place + 20] if how == "double" else chance.randbytes(chance.randint(1, 12))
            changed[place:place] = piece
    return bytes(changed[: chance.randrange(len(changed) + 1)] if chance.random() < 0.1 else changed)
