"""An assessment as a picture: what is taken for what, what is found of each expression, and how sure to be."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from fer_lib.errors import FerError
from fer_lib.evaluation import metrics
from fer_lib.faces.assess import Assessment
from fer_lib.files import write_atomically
from fer_lib.plots import style


def draw(found: Assessment) -> Figure:
    """Confusion as shares of each actual class, true positive rate and precision of each class, and reliability."""
    counts = found.confusion
    seen = counts[counts.sum(axis=1) > 0]
    rates = metrics.rates(counts).set_index("class").loc[seen.index]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13.5, 4.6), width_ratios=(1.25, 1, 1))
    style.share_map(seen.div(seen.sum(axis=1), axis=0), left)
    left.set(xlabel="predicted", ylabel="actual")
    left.tick_params(axis="y", rotation=0)
    places = range(len(rates))
    middle.plot(rates["TPR"], places, "o", color=style.BLUE, label="found (TPR)")
    middle.plot(rates["precision"], places, "s", color=style.ORANGE, label="right when said (precision)")
    middle.set(xlim=(0, 1), ylim=(len(rates) - 0.5, -0.5), xlabel="share of images")
    middle.set_yticks(places, [f"{name} ({n:,})" for name, n in rates["n"].items()])
    middle.grid(axis="x")
    middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    style.reliability_line(right, metrics.reliability(found.predicted == found.actual, found.confidence))
    for axes, title in ((left, "What is taken for what"), (middle, "By expression"), (right, "How sure to be")):
        axes.set_title(title)
    numbers = found.as_dict()
    low, high = numbers["accuracy_interval"]
    figure.suptitle(
        f"{found.network} on {numbers['images']:,} images: accuracy {numbers['accuracy']:.3f} [{low:.3f}, {high:.3f}], "
        f"macro-F1 {numbers['macro_f1']:.3f}, calibration error {numbers['calibration_error']:.3f}"
    )
    return figure


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
    """Writes the picture as the `kind` that the file's name asks for.

    Raises:
        FerError: as `kind`, or the file cannot be written.
    """
    style.apply()
    write_atomically(path, style.as_file(draw(found), kind(path)))
