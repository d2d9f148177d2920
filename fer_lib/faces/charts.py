"""An assessment as a picture: what is taken for what."""

from pathlib import Path

import matplotlib.pyplot as plt

from fer_lib.errors import FerError
from fer_lib.faces.assess import Assessment
from fer_lib.files import write_atomically
from fer_lib.plots import style


def kind(path: Path) -> str:
    """What kind of picture a file's name asks for: png, svg or pdf.

    Raises:
        FerError: another one.
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending not in ("png", "svg", "pdf"):
        raise FerError(f"{path}: a picture's name ends in .png, .svg or .pdf.")
    return ending


def save(found: Assessment, path: Path) -> None:
    """Writes the confusion matrix, as shares of each actual class, as the `kind` that the file's name asks for.

    Raises:
        FerError: as `kind`, or the file cannot be written.
    """
    style.apply()
    figure, axes = plt.subplots(figsize=(7, 6))
    style.share_map(found.confusion.div(found.confusion.sum(axis=1), axis=0), axes, square=True)
    axes.set(xlabel="predicted", ylabel="actual", title=f"{found.network} on {len(found.actual):,} images")
    write_atomically(path, style.as_file(figure, kind(path)))
