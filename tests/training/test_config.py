"""A config is refused with the key and what is allowed, and its identity is what it changes from the defaults."""

import pytest
from training.tiny import PRETRAINING, fine_tuned, tiny

from fer_lib.errors import FerError
from fer_lib.training import RunConfig

BASE = {"dataset": "toyfaces"}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"learning_rate": 0.1}, ["learning_rate", "lr", "momentum"]),
        ({"lr": "1e-4"}, ["lr", "'1e-4'", "1.0e-4"]),
        ({"lr": "a" * 5000}, ["lr", "number"]),
        ({"lr": 0.0}, ["lr", "greater than 0"]),
        ({"lr": -0.1}, ["lr", "-0.1", "greater than 0"]),
        ({"lr": float("inf")}, ["lr", "finite"]),
        ({"lr": float("nan")}, ["lr"]),
        ({"epochs": 1.5}, ["epochs", "1.5", "integer"]),
        ({"epochs": "3"}, ["epochs", "integer"]),
        ({"epochs": 0}, ["epochs", "greater than or equal to 1"]),
        ({"batch_size": 1}, ["batch_size", "2"]),
        ({"seed": -1}, ["seed", "0"]),
        ({"seed": True}, ["seed"]),
        ({"optimizer": "lion"}, ["optimizer", "'lion'", "nadam", "torch.optim:Adagrad"]),
        ({"optimizer": "adamw"}, ["weight_decay", "adamw is adam", "0.01"]),
        ({"model": "resnet18"}, ["model", "resnet50"]),
        ({"split": "80/20"}, ["split", "'random80'"]),
        ({"dataset": "mnist"}, ["dataset", "'mnist'", "fer2013", "toyfaces"]),
        ({"dataset": ["toyfaces"]}, ["dataset", "string"]),
        ({"label_rule": "majority8"}, ["label_rule", "toyfaces", "fer7"]),
        ({"width_per_group": 20}, ["width_per_group", "multiple of 8"]),
        ({"width_per_group": 16, "model": "vanilla_cnn"}, ["width_per_group", "resnet50"]),
        ({"width_per_group": 16, "pretrained": "imagenet1k_v1"}, ["pretrained", "unthinned"]),
        ({"momentum": 0.9}, ["momentum", "sgd", "rmsprop"]),
        (
            {"model": "none", "attention": "stn", "loss": "pose", "augment": "poses", "mixup": 0.2},
            ["mixup", "cross_entropy"],
        ),
        ({"ema": 1.0}, ["ema", "less than 1"]),
        ({"identity_pull": 0.1}, ["identity_pull", "attention stn"]),
        ({"localisation_lr": 0.1, "attention": "stn_frozen"}, ["localisation_lr", "attention stn"]),
        ({"stem": "small", "model": "vggface"}, ["stem", "resnet50"]),
        ({"pretrained": "imagenet1k_v1", "model": "vanilla_cnn"}, ["pretrained", "resnet50"]),
        ({"pretrained": "imagenet1k_v1", "stem": "small"}, ["pretrained", "stem imagenet"]),
        ({"pretrained": "digits"}, ["pretraining", "digits"]),
        ({"pretraining": PRETRAINING}, ["pretraining", "digits"]),
        ({"pretrained": "digits", "pretraining": {**PRETRAINING, "lrr": 1}}, ["pretraining.lrr"]),
        ({"pretrained": "digits", "pretraining": {**PRETRAINING, "lr": "x"}}, ["pretraining.lr"]),
        ({"pretrained": "digits", "pretraining": PRETRAINING}, ["pretraining", "same model"]),
        ({"pretrained": "tiny_imagenet", "pretraining": PRETRAINING}, ["'digits'", "'tiny_imagenet'"]),
    ],
)
def test_a_mistake_is_told_in_two_lines_at_most(values, names):
    with pytest.raises(FerError) as raised:
        RunConfig.parse({**BASE, **values}, where="arm 'x'")
    message = str(raised.value)
    assert message.startswith("arm 'x': ")
    assert len(message.splitlines()) <= 2
    assert len(message) < 600
    assert [name for name in names if name not in message] == [], message


def test_a_config_made_by_hand_tells_the_same():
    with pytest.raises(
        FerError, match=r"^RunConfig: unknown key 'learning_rate'; did you mean 'lr'\? known keys: dataset, "
    ) as raised:
        RunConfig(dataset="toyfaces", learning_rate=0.1)
    assert len(str(raised.value).splitlines()) == 1
    with pytest.raises(FerError, match=r"unknown key 'pretraining\.lrr'"):
        RunConfig(dataset="toyfaces", pretrained="digits", pretraining={**PRETRAINING, "lrr": 1})


def test_a_dataset_is_needed():
    with pytest.raises(FerError, match="'dataset' is missing"):
        RunConfig.parse({"lr": 0.1})


def test_a_label_rule_left_out_is_the_data_sets_usual_one():
    assert RunConfig.parse({"dataset": "toyfacesplus"}).label_rule == "plurality10"
    left_out, written = (RunConfig.parse({**BASE, **rule}) for rule in ({}, {"label_rule": "fer7"}))
    assert left_out == written
    assert left_out.run_id("data") == written.run_id("data")


def test_defaults_written_out_are_the_same_run():
    plain = RunConfig.parse(BASE)
    written = RunConfig.parse(plain.model_dump())
    assert plain == written
    assert plain.run_id("data") == written.run_id("data")
    assert RunConfig.parse({**BASE, "lr": 1}).canonical() == RunConfig.parse({**BASE, "lr": 1.0}).canonical()


TAUGHT = {"views": 8, "teacher": ["0123456789ab"]}
CHANGES = {
    "width_per_group": {"width_per_group": 16},
    "dataset": {"dataset": "fer2013"}, "split": {"split": "official"},
    "model": {"model": "vggface"}, "stem": {"stem": "small"}, "attention": {"attention": "stn"},
    "pretrained": {"pretrained": "imagenet1k_v1"}, "optimizer": {"optimizer": "sgd"}, "lr": {"lr": 0.01},
    "weight_decay": {"weight_decay": 1e-4}, "schedule": {"schedule": "cosine"}, "epochs": {"epochs": 14},
    "batch_size": {"batch_size": 64}, "augment": {"augment": "flip"}, "label_smoothing": {"label_smoothing": 0.1},
    "precision": {"precision": "fp32"}, "seed": {"seed": 1}, "train_limit": {"train_limit": 100},
    "test_limit": {"test_limit": 100}, "localisation_lr": {"attention": "stn", "localisation_lr": 0.1},
    "identity_pull": {"attention": "stn", "identity_pull": 0.1}, "warps": {"attention": "stn", "warps": 2},
    "localisation": {"attention": "stn", "localisation": "hidden"},
    "shown_poses": {"attention": "stn", "shown_poses": 1},
    "class_weight": {"class_weight": "effective"}, "mixup": {"mixup": 0.2}, "ema": {"ema": 0.99},
    "localisation_from": {"attention": "stn", "localisation_from": 0.25}, "defaults": {"defaults": "keras"},
    "unwarped_loss": {"attention": "stn", "unwarped_loss": 1.0}, "preparation": {"preparation": "test_in_training"},
    "teacher": TAUGHT, "teacher_weight": {**TAUGHT, "teacher_weight": 0.25},
    "temperature": {**TAUGHT, "temperature": 3},
    "views": {"views": 4},
    "loss": {"model": "none", "attention": "stn", "loss": "pose", "augment": "poses"},
}  # fmt: skip


def test_every_changed_field_is_another_run():
    untried = set(RunConfig.model_fields) - set(CHANGES) - {"label_rule", "momentum", "pretraining"}
    assert untried == set(), "a field without a test of its identity"
    runs = [RunConfig.parse(BASE), *(RunConfig.parse({**BASE, **change}) for change in CHANGES.values())]
    runs += [RunConfig.parse({**BASE, "optimizer": "sgd", "momentum": 0.9})]
    runs += [RunConfig.parse({"dataset": "toyfacesplus", "label_rule": rule}) for rule in ("plurality10", "votes8")]
    assert len({run.run_id("data") for run in runs}) == len(runs)
    assert runs[0].run_id("data") != runs[0].run_id("other data")


def test_the_pretraining_run_is_part_of_the_identity():
    base = fine_tuned()
    longer = tiny(pretrained="digits", pretraining={**PRETRAINING, "epochs": 2})
    assert base.pretraining == RunConfig.parse(PRETRAINING)
    assert base.run_id("data") != longer.run_id("data")
    assert RunConfig.model_validate_json(base.canonical()) == base


def test_a_known_identity_stays():
    """Records are found by it: a change here orphans every run that anyone has stored."""
    assert RunConfig.parse({"dataset": "fer2013", "split": "official"}).canonical() == (
        '{"dataset": "fer2013", "label_rule": "fer7", "split": "official"}'
    )
    assert RunConfig.parse({"dataset": "fer2013", "split": "official"}).run_id("data") == "7a5235b321a2"


def test_a_record_with_keys_that_are_gone_is_the_run_it_was():
    old = RunConfig.parse({**BASE, "labelling": "fer2013new", "warm_up": 0.0})
    assert old == RunConfig.parse(BASE)
    with pytest.raises(FerError, match="unknown key 'warm_up'"):
        RunConfig.parse({**BASE, "warm_up": 0.1})
