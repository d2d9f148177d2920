"""One loop for every model: it repeats itself, it learns, and what goes wrong is a result."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training.tiny import same_arrays, tiny

from fer_lib import data
from fer_lib.data import FaceSet, apply_rule, split_rows
from fer_lib.data.batches import DeviceData, images_on
from fer_lib.training import RunConfig
from fer_lib.training.engine import Outcome, train
from fer_lib.training.evaluate import evaluate
from fer_lib.training.session import DeviceSession

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    return data.load("toyfaces")


def trained(config: RunConfig, faces: FaceSet, **options) -> Outcome:
    torch.set_num_threads(1)
    return train(config, faces, workspace=DeviceSession(CPU), **options)


def history(done: Outcome) -> list[dict]:
    return [line.model_dump(exclude={"seconds", "eval_seconds"}) for line in done.history]


def test_a_seed_gives_the_same_history_and_another_seed_another(faces):
    config = tiny(attention="stn", augment="affine")
    torch.manual_seed(1)
    first = trained(config, faces)
    torch.manual_seed(2)
    drawn = torch.get_rng_state()
    again, other = trained(config, faces), trained(tiny(attention="stn", augment="affine", seed=1), faces)
    assert torch.equal(drawn, torch.get_rng_state()), "training draws from the caller's generator"
    assert history(first) == history(again)
    assert same_arrays(first.arrays, again.arrays)
    assert [line.train_loss for line in first.history] != [line.train_loss for line in other.history]


@pytest.mark.slow
def test_a_model_overfits_fourteen_images(faces):
    done = trained(tiny(train_limit=14, batch_size=14, epochs=18, test_limit=2), faces)
    assert done.train_images == 14
    assert max(line.train_accuracy for line in done.history[-5:]) == 1.0
    assert done.history[-1].train_loss < 0.2 * done.history[0].train_loss


@pytest.mark.parametrize("attention", ["none", "stn"])
def test_a_run_that_diverges_ends_and_says_so(faces, attention):
    config = tiny(optimizer="sgd", lr=1e30, epochs=4, attention=attention, split="official")
    done = trained(config, faces)
    assert done.status == "diverged"
    assert "not finite" in done.reason
    assert done.metrics == {}
    assert len(done.history) < 4
    assert done.history[-1].train_loss is None
    assert len(done.arrays["predicted"]) == 8


def test_the_average_of_the_weights_is_judged_and_kept_in_their_place(faces):
    seen = []

    def look(training, images):
        seen.append([float(part.state_dict()["network.0.weight"].sum()) for part in (training.model, training.average)])
        return True

    done = trained(tiny(ema=0.5, lr=0.01, epochs=3), faces, after_epoch=look)
    assert all(weights != average for weights, average in seen)
    assert float(done.model.state_dict()["network.0.weight"].sum()) == seen[-1][1]
    labels = apply_rule(faces, "fer7")
    report = DeviceData.of(images_on(faces, CPU), labels, done.arrays["rows"].astype(np.int64))
    again = evaluate(done.model, report, tiny(), autocast=torch.autocast("cpu", enabled=False))
    assert again.accuracy == done.history[-1].eval_accuracy
    assert np.array_equal(again.predicted, done.arrays["predicted"])


def test_an_average_without_memory_is_the_weights_themselves(faces):
    """What it averages includes the statistics of batch normalisation."""
    with_it, without = (trained(tiny(ema=ema, optimizer="sgd"), faces) for ema in (1e-12, 0.0))
    assert np.allclose(with_it.arrays["confidence"], without.arrays["confidence"], atol=1e-3)
    assert np.array_equal(with_it.arrays["predicted"], without.arrays["predicted"])


def test_mixing_and_weights_change_the_loss(faces):
    plain, mixed, weighted = (
        trained(tiny(**changes), faces) for changes in ({}, {"mixup": 1.0}, {"class_weight": "balanced"})
    )
    assert len({done.history[0].train_loss for done in (plain, mixed, weighted)}) == 3
    assert {done.status for done in (mixed, weighted)} == {"finished"}


def test_probabilities_are_kept_where_epochs_are_chosen(faces):
    done = trained(tiny(split="official", test_limit=None), faces)
    chances = done.arrays["probabilities"].astype(float)
    assert np.allclose(chances.sum(1), 1, atol=5e-3)
    assert np.array_equal(chances.argmax(1), done.arrays["predicted"])
    assert done.arrays["mirrored_probabilities"].shape == chances.shape
    assert not np.array_equal(done.arrays["mirrored_probabilities"], done.arrays["probabilities"])
    best = max(line.eval_accuracy for line in done.history)
    selected = done.arrays["select_probabilities"].argmax(1) == done.arrays["select_actual"]
    assert selected.mean() == pytest.approx(best)
    assert "probabilities" not in trained(tiny(), faces).arrays


def test_a_network_that_starts_broken_has_diverged(faces):
    def poison(model):
        torch.nn.init.constant_(model.network[-1].bias, float("nan"))

    done = trained(tiny(attention="stn"), faces, start=poison)
    assert (done.status, len(done.history)) == ("diverged", 1)


@pytest.mark.parametrize("rule", ["plurality8", "majority8", "votes8"])
def test_the_loss_is_that_of_the_rules_targets(rule):
    """A network that always answers the same, and does not learn, has the loss that its targets give by hand."""
    faces = data.load("toyfacesplus")
    answer = torch.linspace(-1, 1, 8)

    def always_the_same(model):
        torch.nn.init.zeros_(model.network[-1].weight)
        model.network[-1].bias.data.copy_(answer)

    config = tiny(dataset="toyfacesplus", label_rule=rule, epochs=1, optimizer="sgd", lr=1e-30)
    done = trained(config, faces, start=always_the_same)
    labels = apply_rule(faces, rule)
    rows = split_rows(faces, labels, protocol="random80", seed=0, train_limit=16, test_limit=8).train
    targets = np.eye(8)[labels.hard[rows]] if labels.soft is None else labels.soft[rows]
    assert (labels.soft is not None) == (rule == "votes8")
    wanted = -(targets * answer.log_softmax(0).numpy()).sum(1).mean()
    assert done.history[0].train_loss == pytest.approx(wanted, rel=1e-4)


def test_every_augmentation_runs_and_changes_the_training_images_only(faces):
    losses = {}
    for augment in ("none", "flip", "crop_flip", "affine"):
        done = trained(tiny(augment=augment, epochs=1), faces)
        assert done.status == "finished"
        losses[augment] = done.history[0].train_loss
    assert len(set(losses.values())) == 4


@pytest.mark.parametrize("rows", [1, 5, 8, 12, 15])
def test_the_smaller_last_batch_is_left_out(faces, rows):
    """A run with fewer images than a batch has one smaller batch; accuracy is over the images seen."""
    done = trained(tiny(train_limit=rows, epochs=1, test_limit=4), faces)
    seen = rows if rows < 8 else 8
    hits = done.history[0].train_accuracy * seen
    assert hits == pytest.approx(round(hits))
    assert done.train_images == rows
    assert done.status == "finished"


@pytest.mark.slow
def test_official_reports_the_weights_of_the_epoch_that_was_best_on_publictest(faces):
    """The run that stops at its best epoch ends with the same weights and so the same predictions."""
    config = tiny(split="official", epochs=4, test_limit=24)
    done = trained(config, faces)
    scores = [line.eval_accuracy for line in done.history]
    best = int(done.metrics["best_epoch"])
    assert best == 1 + int(np.argmax(scores))
    short = trained(tiny(**{**config.model_dump(), "epochs": best}), faces)
    assert same_arrays(done.arrays, short.arrays)
    usage = faces.usage[done.arrays["rows"]]
    assert set(usage) == {2}, "reported on something else than PrivateTest"


def test_random80_reports_the_last_epoch_and_the_best_beside_it(faces):
    done = trained(tiny(epochs=3), faces)
    assert done.metrics["test_accuracy"] == done.history[-1].eval_accuracy
    assert done.metrics["best_eval_accuracy"] == max(line.eval_accuracy for line in done.history)
    correct = done.arrays["predicted"] == done.arrays["actual"]
    assert done.metrics["test_accuracy"] == pytest.approx(correct.mean())


def test_predictions_are_those_of_their_rows(faces):
    config = tiny()
    done = trained(config, faces)
    labels = apply_rule(faces, "fer7")
    split = split_rows(faces, labels, protocol="random80", seed=0, train_limit=16, test_limit=8)
    assert np.array_equal(done.arrays["rows"], split.report)
    assert np.array_equal(done.arrays["actual"], faces.labels[split.report])
    assert done.arrays["rows"].dtype == np.uint16
    assert ((done.arrays["confidence"] > 1 / 8) & (done.arrays["confidence"] <= 1)).all()


def test_a_run_says_which_test_images_flatter_it():
    """Twenty faces, each twice, and taggers divided on every fifth: what the run leaves says which."""
    drawn = data.load("toyfacesplus")
    votes = np.zeros((40, 10), np.uint8)
    votes[:, 1] = 4
    votes[::5, 0] = 4
    rows = np.arange(40)
    rows[20:] = rows[:20]
    faces = replace(drawn, images=drawn.images[rows], labels=drawn.labels[rows], votes=votes, usage=None,
                    fingerprint="twice the same twenty")  # fmt: skip
    done = trained(tiny(dataset="toyfacesplus", train_limit=None, test_limit=None, epochs=1), faces)
    test = done.arrays["rows"]
    alone = np.isin((test + 20) % 40, test)
    assert done.arrays["copies"].tolist() == np.where(alone, 1, 3).tolist()
    assert done.arrays["tied"].tolist() == (test % 5 == 0).tolist()
    assert "tied" not in trained(tiny(epochs=1), drawn).arrays


def test_a_transformers_theta_is_recorded(faces):
    done = trained(tiny(attention="stn"), faces)
    for line in done.history:
        assert len(line.theta["mean"]) == len(line.theta["sd"]) == 6
        assert 0 <= line.theta["outside"][0] <= 1
    theta = done.arrays["theta"]
    assert theta.shape == (3, 8, 2, 3)  # untrained, then after each epoch
    assert np.array_equal(theta[0], np.broadcast_to(np.eye(2, 3), (8, 2, 3)))
    assert not np.array_equal(theta[2], theta[0])
    assert np.array_equal(done.arrays["theta_rows"], done.arrays["rows"][:64])
    np.testing.assert_allclose(theta[2].reshape(8, 6).mean(0), done.history[-1].theta["mean"], rtol=2e-3, atol=1e-5)


def test_a_transformers_state_is_diagnosed(faces):
    """Distance and gradient start at nothing under `stn_frozen`, and do not under `stn`."""
    moving, frozen = (trained(tiny(attention=attention), faces) for attention in ("stn", "stn_frozen"))
    assert all(line.theta["distance"][0] > 0 and 0 < line.theta["gradient"][0] < 1 for line in moving.history)
    assert all(line.theta["distance"] == line.theta["gradient"] == [0] for line in frozen.history)
    assert {line.collapse for line in (*moving.history, *frozen.history)} == {""}
    assert moving.arrays["final_theta"].shape == (8, 2, 3)


def test_a_collapsed_transformer_is_named(faces):
    def look_away(model):
        torch.nn.init.constant_(model.attention.regression.bias, 200.0)

    done = trained(tiny(attention="stn", epochs=1), faces, start=look_away)
    assert done.history[0].collapse == "tiny"


@pytest.mark.parametrize("changes", [{"localisation_lr": 0.01}, {"identity_pull": 100.0}])
def test_a_slower_or_pulled_transformer_stays_nearer_to_the_identity(faces, changes):
    config = {"attention": "stn", "epochs": 4, "lr": 0.01}
    free, held = (trained(tiny(**config, **more), faces) for more in ({}, changes))
    assert held.history[-1].theta["distance"][0] < 0.5 * free.history[-1].theta["distance"][0]


def test_accuracy_is_measured_under_transformations(faces):
    done = trained(tiny(), faces)
    assert len(done.robustness) == 16
    untouched = {probe.accuracy for probe in done.robustness if probe.strength == 0}
    assert list(untouched) == [pytest.approx(done.metrics["test_accuracy"])]
    assert {probe.images for probe in done.robustness} == {8}


@pytest.mark.parametrize("attention", ["none", "stn_frozen", "stn_no_warp"])
def test_controls_run_through_the_same_loop(faces, attention):
    done = trained(tiny(attention=attention, epochs=1), faces)
    assert done.status == "finished"
    assert ("theta" in done.arrays) == (attention != "none")
    if attention == "stn_frozen":
        assert done.history[0].theta["mean"] == [1, 0, 0, 0, 1, 0]
        without = trained(tiny(epochs=1), faces)
        assert without.history[0].train_loss == done.history[0].train_loss
        assert np.array_equal(without.arrays["confidence"], done.arrays["confidence"]), "the identity changed a bit"


def test_fewer_steps_of_cosine_end_near_zero(faces):
    done = trained(tiny(schedule="cosine", epochs=3), faces)
    rates = [line.lr for line in done.history]
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] < 0.1 * 0.001


def test_images_are_not_written_to(faces):
    before = data.faceset.digest(faces.images[:100])
    trained(tiny(augment="affine", epochs=1), replace(faces, warnings=("x",)))
    assert data.faceset.digest(faces.images[:100]) == before
