"""A student learns what its teachers say of the views that it sees, and is the same run however it is interrupted."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from training.tiny import assert_same_runs, place, tiny

from fer_lib import data
from fer_lib.data import apply_rule
from fer_lib.data.batches import DeviceData, images_on
from fer_lib.errors import FerError
from fer_lib.models import build
from fer_lib.training import RunConfig, RunStore, run_one
from fer_lib.training.engine import Stopped, prepared
from fer_lib.training.teaching import taught, view_of

SMALL = {"model": "tiny", "split": "official", "augment": "crop_flip", "views": 2}
CPU = torch.autocast("cpu", enabled=False)


def test_teachers_are_asked_about_the_very_views_and_their_mean_counts():
    config = tiny(**SMALL, teacher=("0" * 12,), temperature=3.0)
    faces = data.load("toyfaces")
    rows = prepared(config, faces).split.train
    given = DeviceData.of(images_on(faces, torch.device("cpu")), apply_rule(faces, "fer7"), rows)
    teachers = [build(tiny(**SMALL, seed=seed), classes=7) for seed in (0, 1)]
    both, first, second = (taught(config, some, given, autocast=CPU) for some in (teachers, teachers[:1], teachers[1:]))
    assert both.shape == (2, len(given), 7)
    assert torch.allclose(both.float(), (first.float() + second.float()) / 2, atol=2e-3)
    assert not torch.equal(both[0], both[1]), "two views of each image"
    assert [view_of(config, epoch) for epoch in range(4)] == [0, 1, 0, 1]
    assert view_of(tiny(), 3) == 3
    assert taught(config, [], given, autocast=CPU) is None


def test_a_student_is_drawn_to_its_teacher(tmp_path):
    """Taught by the answers alone, it ends nearer to them than one that is not taught."""
    where = place(tmp_path)
    long = {**SMALL, "epochs": 4, "train_limit": 256, "test_limit": 64, "batch_size": 16}
    teacher = run_one(tiny(**long), where, keep_weights=True)
    student = run_one(tiny(**long, seed=1, teacher=(teacher.run_id,), teacher_weight=1.0), where)
    alone = run_one(tiny(**long, seed=1), where)
    store = RunStore(where.store)

    def apart(record):
        said, told = (torch.tensor(store.predictions(one)["probabilities"]).float() for one in (record, teacher))
        return float(cross_entropy(said.clamp_min(1e-6).log(), told))

    assert apart(student) < apart(alone)
    assert student.run_id != alone.run_id


def test_a_student_that_was_stopped_goes_on_bit_by_bit(tmp_path):
    whole, parts = place(tmp_path / "whole"), place(tmp_path / "parts")
    for where in (whole, parts):
        teacher = run_one(tiny(**SMALL), where, keep_weights=True)
    config = tiny(**SMALL, seed=1, epochs=3, mixup=0.2, teacher=(teacher.run_id,))
    run_one(config, whole)
    with pytest.raises(Stopped):
        run_one(config, parts, should_continue=lambda seconds: False)
    run_one(config, parts)
    assert_same_runs(RunStore(whole.store), RunStore(parts.store))


def test_a_teacher_whose_weights_are_gone_is_trained_again(tmp_path):
    where = place(tmp_path)
    teacher = run_one(tiny(**SMALL), where)
    assert not RunStore(where.store).weights_path(teacher.run_id).exists()
    assert run_one(tiny(**SMALL, seed=1, teacher=(teacher.run_id,)), where).status == "finished"
    assert RunStore(where.store).weights_path(teacher.run_id).exists()


def test_a_teacher_that_cannot_be_had_or_may_have_seen_the_test_images_is_refused(tmp_path):
    where = place(tmp_path)
    skipped = run_one(tiny(**SMALL, teacher=("f" * 12,)), where)
    assert (skipped.status, "no teacher ffffffffffff" in skipped.reason) == ("skipped", True)
    other = run_one(tiny(**{**SMALL, "split": "random80"}), where, keep_weights=True)
    with pytest.raises(FerError, match="may have seen the test images"):
        run_one(tiny(**SMALL, teacher=(other.run_id,)), where)
    eight = run_one(tiny(**SMALL, dataset="toyfacesplus", label_rule="majority8"), where, keep_weights=True)
    with pytest.raises(FerError, match=rf"teacher {eight.run_id} tells neutral, .*, not angry"):
        run_one(tiny(**SMALL, teacher=(eight.run_id,)), where)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"teacher": ["compact_fer2013"], "views": 8}, "'compact_fer2013' is no run id"),
        ({"teacher": ["0" * 12]}, "give their number as `views`"),
        ({"temperature": 4.0}, "temperature: belong to a teacher"),
        (
            {"teacher": ["0" * 12], "views": 8, "preparation": "test_in_training"},
            "without unwarped_loss and preparation",
        ),
    ],
)
def test_a_config_that_makes_no_sense_is_explained(values, said):
    with pytest.raises(FerError, match=said):
        RunConfig.parse({"dataset": "fer2013", **values})


def test_no_identity_changes_without_a_teacher():
    assert "teacher" not in tiny().canonical()
    assert RunConfig.parse({"dataset": "fer2013", "views": 8, "teacher": ["0" * 12]}).teacher == ("0" * 12,)
