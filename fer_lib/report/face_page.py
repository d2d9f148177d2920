"""The player as a page of its own: with one trained network, or with those of a report."""

from fer_lib import __version__
from fer_lib.data import DATASETS
from fer_lib.data.faceset import OWN
from fer_lib.explorer import player
from fer_lib.faces.network import TrainedNetwork
from fer_lib.report.html import TEMPLATES

_WHAT = (
    "Everything happens in this page: no photo leaves this machine, and nothing is loaded from the network. "
    "A network answers whatever the square holds, a face or not."
)
_NOT = "An expression is what a face shows, not what its owner feels. Judge nobody by it."


def page(network: TrainedNetwork) -> str:
    """One HTML file that turns faces before `network`, with its own transformer where it has one.

    Raises:
        FerError: the network has a layer that the player does not compute.
    """
    record, attention = network.record, network.classifier.attention
    own = player.of_classifier(network.classifier, "classifier", network.name, record, network.temperature)
    transformers = [one for one in player.shipped() if one["role"] == "transformer"]
    if attention is not None:
        transformers.insert(0, player.of_transformer(attention, "own", "its own", own["kind"]))
    faces = "faces that its user labelled" if (name := record.config.dataset) == OWN else DATASETS[name].title
    right = (
        f"{network.name} (run {record.run_id} of fer_lib {__version__}) was trained on "
        f"{faces} and right about {record.metrics['test_accuracy']:.0%} of its test "
        "images; about others nobody has counted."
    )
    style = (TEMPLATES / "style.css").read_text("utf-8")
    return player.page([_WHAT, right, _NOT], networks=[*transformers, own], style=style)


def page_of_report(assets: str) -> str:
    """A page that plays with the networks of the package, from a report's files in the folder `assets`."""
    right = "Its networks are wrong about more than one photographed face in ten (docs/MODEL_CARD.md)."
    return player.page([_WHAT, right, _NOT], assets=assets)
