"""Optimizers, schedule and loss."""

import itertools
import math

import pytest
import torch
from training.tiny import tiny

from fer_lib.errors import FerError
from fer_lib.training.config import OPTIMIZERS
from fer_lib.training.optim import class_weights, learning_rate, loss_of, make_optimizer


@pytest.mark.parametrize("name", [*OPTIMIZERS, "torch.optim:Adagrad"])
def test_every_optimizer_walks_downhill_and_leaves_the_frozen_alone(name):
    free, frozen = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3), requires_grad=False)
    optimizer = make_optimizer(torch.nn.ParameterList([free, frozen]), tiny(optimizer=name, lr=0.1, weight_decay=0.01))
    assert type(optimizer).__name__.lower() == name.split(":")[-1].lower()
    for _ in range(30):
        optimizer.zero_grad()
        (free**2).sum().backward()
        optimizer.step()
    assert float((free**2).sum().detach()) < 1.0
    assert torch.equal(frozen, torch.ones(3))


def test_momentum_and_weight_decay_reach_the_optimizer():
    given = torch.nn.ParameterList([torch.ones(1)])
    for name in ("sgd", "rmsprop"):
        group = make_optimizer(given, tiny(optimizer=name, momentum=0.5, weight_decay=0.01)).param_groups[0]
        assert (group["momentum"], group["weight_decay"]) == (0.5, 0.01)
    for name in set(OPTIMIZERS) - {"adamw"}:
        assert make_optimizer(given, tiny(optimizer=name)).param_groups[0]["weight_decay"] == 0


@pytest.mark.parametrize(("name", "said"), [
    ("torch.optim:Adagrd", "has no function 'Adagrd'"), ("no_such_module:Lion", "No module named 'no_such_module'"),
    ("unittest.mock:Mock", "gives Mock; expected a torch.optim.Optimizer"),
    ("torch.nn:Linear", r"torch\.nn:Linear: .*unexpected keyword argument 'lr'"),
])  # fmt: skip
def test_an_optimizer_that_is_none_is_told(name, said):
    with pytest.raises(FerError, match=said):
        make_optimizer(torch.nn.ParameterList([torch.ones(1)]), tiny(optimizer=name))


def test_the_cosine_goes_from_lr_to_zero():
    config = tiny(lr=0.2, schedule="cosine")
    rates = [learning_rate(config, step=step, steps=100) for step in range(101)]
    assert rates[0] == 0.2
    assert rates[50] == pytest.approx(0.1)
    assert rates[100] == pytest.approx(0)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates))
    assert {learning_rate(tiny(lr=0.2), step=step, steps=100) for step in range(101)} == {0.2}


@pytest.mark.parametrize("steps", [10, 97, 1000])
def test_one_cycle_is_torchs(steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=steps)
    config = tiny(lr=0.2, schedule="one_cycle")
    for step in range(steps):
        assert learning_rate(config, step=step, steps=steps) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        theirs.step()


def test_rare_classes_count_more_and_the_mean_image_counts_one():
    classes = torch.tensor([0] * 6 + [1] * 3 + [2])
    balanced = class_weights(classes, "balanced", count=4)
    assert (balanced[:3] * torch.tensor([6, 3, 1])).tolist() == pytest.approx([10 / 3] * 3)
    assert torch.isfinite(balanced).all(), "a class without images"
    many = torch.tensor([0] * 9000 + [1] * 6000 + [2] * 100)
    effective, inverse = (class_weights(many, kind, count=3) for kind in ("effective", "balanced"))
    assert float(effective[1] / effective[0]) == pytest.approx(1, abs=0.003), "classes of thousands count alike"
    assert 1 < float(effective[2] / effective[0]) < float(inverse[2] / inverse[0])
    for weights in (effective, inverse):
        assert float(weights[many].mean()) == pytest.approx(1)


def test_a_weighted_loss_counts_each_image_as_its_class():
    logits, classes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 2, 0])
    weights = torch.tensor([0.5, 1.0, 2.0])
    each = torch.stack([loss_of(logits[i : i + 1], classes[i : i + 1]) for i in range(5)])
    wanted = float((each * weights[classes]).mean())
    assert float(loss_of(logits, classes, weights=weights)) == pytest.approx(wanted)
    one_hot = torch.nn.functional.one_hot(classes, 3).float()
    assert float(loss_of(logits, one_hot, weights=weights)) == pytest.approx(wanted)
    assert float(loss_of(logits, classes, weights=torch.ones(3))) == pytest.approx(float(loss_of(logits, classes)))


def test_the_loss_is_cross_entropy_in_nats():
    logits = torch.zeros(4, 8)
    classes = torch.arange(4)
    assert float(loss_of(logits, classes)) == pytest.approx(math.log(8))
    sharp = torch.tensor([[2.0, 0.0]])
    soft = torch.tensor([[0.25, 0.75]])
    wanted = -(0.25 * math.log(math.e**2 / (math.e**2 + 1)) + 0.75 * math.log(1 / (math.e**2 + 1)))
    assert float(loss_of(sharp, soft)) == pytest.approx(wanted)
    hard = torch.tensor([0])
    assert float(loss_of(sharp, hard, label_smoothing=0.5)) == pytest.approx(float(loss_of(sharp, soft.flip(1))))
