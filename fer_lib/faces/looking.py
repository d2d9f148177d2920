"""Photos, films and a camera: what `predict` prints, line by line, or writes into a table."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_lib.data.folder import Pictures
from fer_lib.data.picture import read_picture
from fer_lib.errors import Fatal, FerError
from fer_lib.faces.film import SUFFIXES, BoxedFilm, watch
from fer_lib.faces.finding import opencv
from fer_lib.faces.predict import UNSURE, Prediction, Predictor
from fer_lib.files import write_atomically, writing

CAUTION = "An expression is what a face shows, not what its owner feels; see docs/MODEL_CARD.md."
_BOX = ("left", "top", "width", "height", "angle")


@dataclass(frozen=True)
class Answer:
    """What a network says of a photo or of a moment of a film, or the `error` that kept it from being read.

    Attributes:
        faces: by number: in a photo the largest is 1, in a film each has its own from moment to moment.
        drawn: the picture of a photo with its faces, if there is one.
        seconds: of a film, from its beginning.
    """

    file: str
    faces: dict[int, Prediction] = field(default_factory=dict)
    error: str = ""
    drawn: Path | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        if self.error:
            return self.error
        film, place = self.seconds is not None, self.file
        place += f"  {self.seconds:.2f} s" if film else ""
        lines = [_line(f"{place}  face {n}" if film else place, face) for n, face in self.faces.items()]
        lines = lines or [f"{place}  no face found{'' if film else ' (--crop: the picture is the face)'}"]
        return "\n".join(lines + ([f"{self.file}  drawn in {self.drawn}"] if self.drawn else []))

    def as_dict(self) -> dict[str, Any]:
        """File, faces (`Prediction.as_dict`) and, where there are, seconds, faces' numbers and an error; for JSON."""
        told: dict[str, Any] = {"file": self.file, "faces": [face.as_dict() for face in self.faces.values()]}
        told |= {} if self.seconds is None else {"seconds": round(self.seconds, 3), "numbers": [*self.faces]}
        told |= {"drawn": str(self.drawn)} if self.drawn else {}
        return told | ({"error": self.error} if self.error else {})

    def rows(self) -> list[dict[str, Any]]:
        """A line of a table for each face, or one that says that there is none."""
        about = {"file": self.file, "seconds": "" if self.seconds is None else round(self.seconds, 3)}
        return [
            about | {"face": number, "expression": one.expression}
            | dict(zip(_BOX, (*one.face.box, round(one.face.angle, 1)), strict=True))
            | {name: round(value, 4) for name, value in one.probabilities.items()}
            for number, one in self.faces.items()
        ] or [about | {"error": self.error}]  # fmt: skip


class Table:
    """A CSV file with a line for each face, written as it goes; the files that need no second look are `done`.

    A film that is last in there may not have been seen to its end, and what could not be read may be there now: of
    the files that are `asked` for, these are looked at again, and their lines go.
    """

    def __init__(self, path: Path, predictor: Predictor, asked: Collection[str] = ()) -> None:
        """Opens the file, or begins it.

        Raises:
            FerError: it is something else, or by another network or of other classes; or it cannot be written.
        """
        self._path, self._model = path, predictor.network.name
        self._columns = ["file", "seconds", "face", *_BOX, "expression", *predictor.classes, "model", "error"]
        if len({*self._columns}) < len(self._columns):
            raise FerError("--group: a column of the table has this name already; choose another.")
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
        except OSError as error:
            raise FerError(f"--csv {path} cannot be read: {error.strerror}.") from error
        reader = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))  # a line cut short is dropped
        rows = list(reader)
        known = reader.fieldnames == self._columns and all(row["model"] == self._model for row in rows)
        if (text and not known) or any(None in row for row in rows):
            raise FerError(f"--csv {path} is there, and no table of {self._model} with these classes: name another.")
        last = rows[-1]["file"] if rows and rows[-1]["seconds"] else None
        again = {row["file"] for row in rows if row["error"] or row["file"] == last} & {*asked}
        kept = [row for row in rows if row["file"] not in again]
        self.done = {row["file"] for row in kept}
        write_atomically(path, self._lines([{name: name for name in self._columns}, *kept]))

    def add(self, answer: Answer) -> None:
        """Writes an answer's lines, all at once."""
        with writing(self._path, otherwise="Free some space."), self._path.open("ab") as file:
            file.write(self._lines([row | {"model": self._model} for row in answer.rows()]))

    def _lines(self, rows: Iterable[dict[str, Any]]) -> bytes:
        text = io.StringIO()
        csv.DictWriter(text, self._columns, lineterminator="\n").writerows(rows)
        return text.getvalue().encode("utf-8", "surrogateescape")


def answers(
    predictor: Predictor, files: Iterable[Path], *, crop: bool = False, out: Path | None = None, every: float = 0.5,
    smooth: float = 1.0, done: Container[str] = (),
) -> Iterator[Answer]:  # fmt: skip
    """What `predictor` says of each photo and of each moment of each film, as it is done; pictures of it in `out`.

    Whatever is wrong with a file is told in its answer, and stops no other. Those that are `done` are left out.

    Raises:
        FerError: OpenCV is not installed, or `out` cannot be written.
    """
    drawn = Counter[str]()
    for path in files:
        drawn[path.stem] += 1
        again = f"_{drawn[path.stem]}" if drawn[path.stem] > 1 else ""  # x.jpg and x.png, or those of two folders
        if str(path) in done:
            continue
        if is_film := path.suffix.lower() in SUFFIXES:
            opencv()
        try:
            if is_film:
                yield from of_film(predictor, path, every=every, smooth=smooth, out=out, again=again)
                continue
            photo = read_picture(path)
        except Fatal:
            raise
        except FerError as error:
            yield Answer(str(path), error=str(error).splitlines()[0])
            continue
        found, picture = predictor(photo, crop=crop), None
        if out is not None:
            from fer_lib.faces.annotate import as_png

            picture = out / f"{path.stem}_faces{again}.png"
            write_atomically(picture, as_png(photo, found))
        yield Answer(str(path), dict(enumerate(found, start=1)), drawn=picture)


def of_film(
    predictor: Predictor, source: Path | int, *, every: float, smooth: float, out: Path | None = None, again: str = ""
) -> Iterator[Answer]:
    """What `predictor` says of each moment of a film or of what a camera sees (see `film.watch`).

    In `out` it leaves the film with boxes, and at its end a picture of the probabilities over time; `again` ends names.
    """
    name, stem = (f"camera {source}", f"camera_{source}") if isinstance(source, int) else (str(source), source.stem)
    film, kept = None if out is None else BoxedFilm(out / f"{stem}_faces{again}.mp4"), list[Answer]()
    try:
        for moment in watch(predictor, source, every=every, smooth=smooth):
            answer = Answer(name, moment.faces, seconds=moment.seconds)
            if film is not None:
                film.add(moment)
                kept.append(answer)
            yield answer
    finally:
        if film is not None:
            film.close()
        if out is not None and any(answer.faces for answer in kept):
            from fer_lib.faces.annotate import timeline

            rows = (answer.rows() for answer in kept if answer.faces)
            write_atomically(out / f"{stem}_timeline{again}.png", timeline(rows))


def photos_in(photos: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The photos named and those in named folders; and what was left out, a line each."""
    files, left_out = [], []
    for path in photos:
        if not path.is_dir():
            files.append(path)
            continue
        found = Pictures.under(path)
        files += found.files
        left_out += [f"{path}: {found}."] if found.left_out else []
        left_out += [] if found.files else [f"{path} holds no picture."]
    return files, left_out


def _line(file: str, face: Prediction) -> str:
    best = sorted(face.probabilities.items(), key=lambda pair: -pair[1])[:3]
    left, top, width, _ = face.face.box
    where = f"{width} px at {left}, {top}" + (f", turned {face.face.angle:+.0f}°" if face.face.angle else "")
    unsure = f"{UNSURE}, " if face.expression == UNSURE else ""
    return f"{file}  {where}: {unsure}{', '.join(f'{name} {value:.2f}' for name, value in best)}"
