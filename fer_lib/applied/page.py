"""The player as a page of its own: with one trained network, or with those of a report."""

from fer_lib import __version__, player
from fer_lib.applied.looking import CAUTION
from fer_lib.applied.network import TrainedNetwork
from fer_lib.data import DATASETS
from fer_lib.report.html import TEMPLATES

_WHAT = (
    "Everything happens in this page: no photo leaves this machine, and nothing is loaded from the network. "
    "Put the square around a face from the forehead to the chin; a network answers whatever is in it, a face or not."
)
_NOT = f"What it does not say: {CAUTION.partition(';')[0][0].lower()}{CAUTION.partition(';')[0][1:]}. "


def page(network: TrainedNetwork) -> str:
    """One HTML file that turns faces before `network`, with its own transformer where it has one.

    Raises:
        FerError: the network has a layer that the player does not compute.
    """
    own = player.of_classifier(
        network.classifier, "classifier", network.name, network.record, network.temperature, kind="photo"
    )
    transformers = [one for one in player.shipped() if one["role"] == "transformer"]
    if network.classifier.attention is not None:
        transformers.insert(0, player.of_transformer(network.classifier.attention, "own", "its own", kind="photo"))
    record = network.record
    right = (
        f"{network.name}, run {record.run_id} of fer_lib {__version__}, was trained on "
        f"{DATASETS[record.config.dataset].title} and right about {record.metrics['test_accuracy']:.0%} of its test "
        "images; about others nobody has counted. Do not use it to judge anyone."
    )
    return player.page(networks=[*transformers, own], style=_style(), notes=[_WHAT, _NOT + right])


def page_of_report(assets: str) -> str:
    """A page that plays with the networks of the package, from a report's files in the folder `assets`."""
    right = (
        "Its networks are wrong about more than one face in ten (docs/MODEL_CARD.md). Do not use them to judge anyone."
    )
    return player.page(assets=assets, style=_style(), notes=[_WHAT, _NOT + right])


def _style() -> str:
    return (TEMPLATES / "style.css").read_text("utf-8") + "main { padding: 1.5rem clamp(1rem, 3vw, 2rem) 3rem; }\n"
