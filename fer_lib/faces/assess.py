"""How good a trained network is on labelled faces that it has never seen, from whatever collection."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from fer_lib.data.labelled import LabelledFaces, expression
from fer_lib.errors import FerError
from fer_lib.evaluation import metrics
from fer_lib.faces.network import TrainedNetwork


@dataclass(frozen=True)
class Assessment:
    """What a network says of labelled faces, in the n images whose class it knows.

    Attributes:
        network: its name.
        classes: the network's C classes, as it calls them.
        actual, predicted: index into `classes`, int64 [n].
        confidence: probability of the predicted class, float32 [n].
        left_out: images of classes that the network does not know, by their name.
    """

    network: str
    classes: tuple[str, ...]
    actual: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    left_out: dict[str, int]

    @property
    def confusion(self) -> pd.DataFrame:
        """Counts, a row for each actual class and a column for each predicted one."""
        counts = metrics.confusion(self.actual, self.predicted, classes=len(self.classes))
        return pd.DataFrame(counts, index=list(self.classes), columns=list(self.classes))

    def as_dict(self) -> dict[str, Any]:
        """Everything as numbers and names, for JSON; accuracy with its 95 % interval (Wilson 1927)."""
        hits, n = int((self.actual == self.predicted).sum()), len(self.actual)
        interval = [float(end) for end in proportion_confint(hits, n, method="wilson")]
        rates = metrics.rates(self.confusion).astype(object).where(lambda table: table.notna(), None)
        return {
            "network": self.network, "images": n, "left_out": self.left_out,
            **metrics.summary(self.actual, self.predicted, self.confidence), "accuracy_interval": interval,
            "classes": rates.to_dict("records"), "confusion": self.confusion.to_numpy().tolist(),
        }  # fmt: skip

    def __str__(self) -> str:
        found = self.as_dict()
        low, high = found["accuracy_interval"]
        left_out = "".join(
            f"{name}: {count:,} images left out, this network does not know it\n"
            for name, count in self.left_out.items()
        )
        rates = pd.DataFrame(found["classes"]).to_string(index=False, float_format="{:.3f}".format, na_rep="–")
        return (
            f"{left_out}{self.network} on {found['images']:,} images\n"
            f"accuracy {found['accuracy']:.3f} [{low:.3f}, {high:.3f}], balanced {found['balanced_accuracy']:.3f}, "
            f"macro-F1 {found['macro_f1']:.3f}, calibration error {found['calibration_error']:.3f}\n\n"
            f"{rates}\n\nactual (rows) against predicted:\n{self.confusion.to_string()}"
        )


def assess(network: TrainedNetwork, faces: LabelledFaces) -> Assessment:
    """The network on all faces whose class it knows, by its name or as another word for the same expression.

    Raises:
        FerError: it knows none of them.
    """
    column = {expression(name) or name: number for number, name in enumerate(network.classes)}
    known = np.array([column.get(expression(name) or name, -1) for name in faces.classes])
    actual = known[faces.labels]
    counts = Counter(faces.classes[label] for label in faces.labels[actual < 0])
    left_out = {name: counts[name] for name in faces.classes if name in counts}
    if (actual < 0).all():
        raise FerError(f"{network.name} knows none of these classes: {', '.join(left_out)}.")
    probabilities = network.probabilities(faces.images[actual >= 0])
    return Assessment(
        network.name, network.classes, actual[actual >= 0], probabilities.argmax(1), probabilities.max(1), left_out
    )
