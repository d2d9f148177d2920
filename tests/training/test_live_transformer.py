"""What keeps a transformer's localisation net alive, and what is asked of it: normalisation, phases, a second loss."""

import pytest
import torch
from training.tiny import tiny

from fer_lib import data
from fer_lib.errors import FerError
from fer_lib.models import build
from fer_lib.models.stn import SpatialTransformer
from fer_lib.training import RunConfig
from fer_lib.training.engine import train
from fer_lib.training.optim import make_optimizer, set_learning_rate
from fer_lib.training.session import DeviceSession


def trained(**changes):
    with DeviceSession(torch.device("cpu")) as workspace:
        return train(tiny(attention="stn", **changes), data.load("toyfaces"), workspace=workspace)


def test_the_normalised_net_is_the_papers_but_for_normalisation_and_starts_at_the_identity():
    plain, normalised = (SpatialTransformer(localisation=kind) for kind in ("paper", "paper_batch_norm"))
    images = torch.rand(2, 1, 48, 48)
    assert torch.equal(normalised.eval()(images)[0], images)
    shapes = [
        [tuple(layer.weight.shape) for layer in net.features if isinstance(layer, torch.nn.Conv2d)]
        for net in (plain, normalised)
    ]
    assert shapes[0] == shapes[1]
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in normalised.features) == 2


def test_in_the_first_phase_the_classifier_learns_alone():
    """Three epochs of two steps, the net from step 3 on: theta is the identity after one epoch, and not at the end."""
    done = trained(epochs=3, localisation="paper_batch_norm", localisation_from=0.34, localisation_lr=0.1, lr=0.01)
    departures = (torch.as_tensor(done.arrays["theta"]).float() - torch.eye(2, 3)).abs().amax((1, 2, 3))
    assert departures[0] == departures[1] == 0
    assert departures[-1] > 0
    plain = train(tiny(epochs=1, lr=0.01), data.load("toyfaces"), workspace=DeviceSession(torch.device("cpu")))
    assert done.history[0].train_loss == pytest.approx(plain.history[0].train_loss, rel=1e-5)


def test_the_localisation_nets_rate_is_zero_until_it_learns():
    config = tiny(attention="stn", localisation_from=0.25)
    optimizer = make_optimizer(build(config, classes=7), config)
    for learns, wanted in ((False, [0.5, 0.0]), (True, [0.5, 0.5])):
        set_learning_rate(optimizer, 0.5, localisation=learns)
        assert [group["lr"] for group in optimizer.param_groups] == wanted


def test_the_loss_on_unwarped_images_counts_beside_the_other():
    """While theta is the identity both losses are the same number, but for the statistics of a second pass."""
    one, both = (trained(epochs=1, unwarped_loss=weight, lr=1e-30) for weight in (0.0, 1.0))
    assert both.history[0].train_loss == pytest.approx(2 * one.history[0].train_loss, rel=0.1)
    assert both.history[0].train_loss > 1.5 * one.history[0].train_loss


@pytest.mark.parametrize("key", ["localisation_from", "unwarped_loss"])
def test_they_belong_to_a_transformer(key):
    with pytest.raises(FerError, match=f"{key}: belong to attention stn"):
        RunConfig.parse({"dataset": "toyfaces", key: 0.5})


def test_keras_defaults_are_those_of_its_layers_and_optimizers():
    config = tiny(defaults="keras")
    model = build(config, classes=7)
    norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert {(layer.momentum, layer.eps) for layer in norms} == {(0.01, 1e-3)}
    dense = next(layer for layer in model.modules() if isinstance(layer, torch.nn.Linear))
    assert dense.weight.abs().max() <= (6 / (dense.in_features + dense.out_features)) ** 0.5
    assert not dense.bias.any()
    assert make_optimizer(model, config).defaults["eps"] == 1e-7
    assert make_optimizer(model, tiny()).defaults["eps"] == 1e-8
    assert build(tiny(), classes=7).state_dict().keys() == model.state_dict().keys()
