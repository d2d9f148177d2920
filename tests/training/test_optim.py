"""Optimizers, schedule and loss."""

import itertools
import math

import pytest
import torch
from training.tiny import tiny

from fer_lib.training.optim import learning_rate, loss_of, make_optimizer

OPTIMIZERS = ("sgd", "adam", "nadam", "rmsprop", "radam", "adamw")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_walks_downhill_and_leaves_the_frozen_alone(name):
    free, frozen = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3), requires_grad=False)
    optimizer = make_optimizer(torch.nn.ParameterList([free, frozen]), tiny(optimizer=name, lr=0.1))
    assert type(optimizer).__name__.lower() == name
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
    for name in OPTIMIZERS:
        assert make_optimizer(given, tiny(optimizer=name)).param_groups[0]["weight_decay"] == 0


def test_the_cosine_goes_from_lr_to_zero():
    config = tiny(lr=0.2, schedule="cosine")
    rates = [learning_rate(config, step=step, steps=100) for step in range(101)]
    assert rates[0] == 0.2
    assert rates[50] == pytest.approx(0.1)
    assert rates[100] == pytest.approx(0)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates))
    assert {learning_rate(tiny(lr=0.2), step=step, steps=100) for step in range(101)} == {0.2}


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
