"""RunConfig: everything that changes a run's numbers, and nothing else. One config is one run."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from fer_lib.data import DATASETS, PRETRAINING_SETS, FaceSet
from fer_lib.data.faceset import OWN
from fer_lib.data.preparation import Preparation
from fer_lib.imported import is_import_path, source_hash
from fer_lib.models import MODELS
from fer_lib.validation import Explained, validated

Protocol = Literal["random80", "grouped80", "official", "folders"]  # see `data.splits`
OPTIMIZERS = ("sgd", "adam", "nadam", "rmsprop", "radam", "adamw")
SCHEMA = 1  # version of the record's meaning; part of every run's identity


_GONE = (("labelling", "fer2013new"), ("warm_up", 0.0))  # keys that records still have, with what they always said


class RunConfig(BaseModel, metaclass=Explained, frozen=True, extra="forbid", strict=True):
    """One frozen, validated training run.

    `model` and `dataset` may also be of one's own, as `package.module:name`: a function that is called with `classes=`
    their number and gives a module from images to logits, and one that gives a `FaceSet`. So may `optimizer`, such as
    `torch.optim:Adagrad`, which is called with the parameters and `lr`. Their modules are executed.

    `label_rule` left out means the data set's usual one. `precision: auto` is bf16 autocast on a CUDA device or on a
    CPU with bf16 instructions, and fp32 elsewhere; the record says which it was. `width_per_group` is torchvision's:
    under 64 ResNet50's inner layers, and all of VGGFace's, are that much thinner. `localisation_lr` is the localisation
    net's share of `lr` (0: it stays as it is), `localisation_from` the share of the steps after which it learns at all,
    `identity_pull` the weight in the loss of theta's mean squared Frobenius distance from the identity, `unwarped_loss`
    that of the classifier's loss on the images as they are. Limits keep a random subset of the training or test images.
    `preparation` is what is done with the images around the split (`data.preparation`). `pretraining` is the run
    whose network this one starts from. `defaults: keras` takes what Keras takes where nobody says (`keras_defaults`,
    and an optimizer's epsilon of 1e-7).

    `class_weight` is how much more the rare classes count in the loss (`class_weights`), `mixup` the parameter of the
    Beta distribution by which two images are mixed (Zhang et al. 2018, https://arxiv.org/abs/1710.09412; 0: none), and
    `ema` the decay per step of the average of the weights that is evaluated in their place (0: the weights themselves).

    `views` is how many augmentations of each image there are in all (0: every epoch has its own). `teacher` lists runs
    by their ids, whose networks' mean answer to each view is learnt beside the label (`teaching`): with the
    `teacher_weight` of the loss, both softened by `temperature`.

    `shown_poses` is for how many epochs the localisation net is first shown training images under known random poses
    (`pose_run`, a run of its own). Such a run has `loss: pose`, no network (`model: none`) and `augment: poses`.

    Raises:
        FerError: an unknown key, a wrong type or a contradiction; names the key and what is allowed.
    """

    dataset: str
    label_rule: str = ""
    split: Protocol = "random80"
    preparation: Preparation = "none"
    model: str = "resnet50"
    stem: Literal["imagenet", "small"] = "imagenet"
    width_per_group: int = Field(default=64, ge=8, le=64, multiple_of=8)
    attention: Literal["none", "stn", "stn_frozen", "stn_no_warp"] = "none"
    localisation: Literal["paper", "paper_batch_norm", "hidden"] = "paper"
    warps: int = Field(default=1, ge=1, le=4)
    shown_poses: int = Field(default=0, ge=0)
    pretrained: Literal["none", "imagenet1k_v1", "imagenet1k_v2", "tiny_imagenet", "digits"] = "none"
    pretraining: "RunConfig | None" = None
    localisation_lr: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    localisation_from: float = Field(default=0.0, ge=0, lt=1)
    identity_pull: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    unwarped_loss: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    optimizer: str = "adam"
    lr: float = Field(default=0.001, gt=0, allow_inf_nan=False)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    schedule: Literal["constant", "cosine", "one_cycle"] = "constant"
    epochs: int = Field(default=15, ge=1)
    batch_size: int = Field(default=128, ge=2)
    augment: Literal["none", "flip", "crop_flip", "affine", "poses"] = "none"
    loss: Literal["cross_entropy", "pose"] = "cross_entropy"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weight: Literal["none", "balanced", "effective"] = "none"
    mixup: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    views: int = Field(default=0, ge=0)
    teacher: tuple[str, ...] = ()
    teacher_weight: float = Field(default=0.5, gt=0, le=1)
    temperature: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    ema: float = Field(default=0.0, ge=0, lt=1)
    defaults: Literal["torch", "keras"] = "torch"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**31)
    train_limit: int | None = Field(default=None, ge=1)
    test_limit: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _fill_label_rule(cls, values: Any) -> Any:
        if isinstance(values, dict):
            values = {key: value for key, value in values.items() if (key, value) not in _GONE}
        name = values.get("dataset") if isinstance(values, dict) else None
        known = DATASETS.get(name) if isinstance(name, str) else None
        own = isinstance(name, str) and (name == OWN or is_import_path(name))
        rule = known.rules[0] if known else "given" if own else ""
        return {**values, "label_rule": values.get("label_rule") or rule} if rule else values

    @field_validator("teacher", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _check_contradictions(self) -> Self:
        for key, known, else_ in (
            ("dataset", DATASETS, ""),
            ("model", MODELS, ", or package.module:name"),
            ("optimizer", OPTIMIZERS, ", or package.module:name, such as torch.optim:Adagrad"),
        ):
            name = getattr(self, key)
            if name not in known and not is_import_path(name) and (name != OWN or key == "optimizer"):
                raise ValueError(f"{key}: {name!r} is unknown; choose one of {', '.join(known)}{else_}")
        rules = DATASETS[self.dataset].rules if self.dataset != OWN else ("given",)
        if self.label_rule not in rules:
            raise ValueError(
                f"label_rule: {self.label_rule!r} does not fit {self.dataset}; choose one of {', '.join(rules)}"
            )
        if self.stem == "small" and self.model != "resnet50":
            raise ValueError("stem: 'small' belongs to model resnet50")
        if self.width_per_group != 64 and self.model not in ("resnet50", "vggface"):
            raise ValueError("width_per_group: belongs to the models resnet50 and vggface")
        whole = (self.model, self.stem, self.width_per_group) == ("resnet50", "imagenet", 64)
        if self.pretrained.startswith("imagenet") and not whole:
            raise ValueError(f"pretrained: {self.pretrained!r} belongs to model resnet50 with stem imagenet, unthinned")
        of_transformer = (
            "localisation", "warps", "shown_poses", "localisation_lr", "localisation_from", "identity_pull",
            "unwarped_loss",
        )  # fmt: skip
        changed = [key for key in of_transformer if getattr(self, key) != _default(self, key)]
        if changed and self.attention not in ("stn", "stn_no_warp"):
            raise ValueError(f"{', '.join(changed)}: belong to attention stn")
        self._check_poses()
        self._check_teacher()
        if self.preparation != "none" and (self.split != "random80" or self.train_limit or self.test_limit):
            raise ValueError("preparation: goes with split random80, without train_limit and test_limit")
        if self.momentum and self.optimizer not in ("sgd", "rmsprop") and not is_import_path(self.optimizer):
            raise ValueError("momentum: belongs to the optimizers sgd and rmsprop")
        if self.optimizer == "adamw" and not self.weight_decay:
            raise ValueError("weight_decay: without it adamw is adam; torch's own default is 0.01")
        trained_here = self.pretrained in PRETRAINING_SETS
        if trained_here != (self.pretraining is not None):
            raise ValueError(f"pretraining: goes with pretrained {' or '.join(PRETRAINING_SETS)}, and only with it")
        if self.pretraining is not None:
            self._check_pretraining(self.pretraining)
        return self

    def _check_poses(self) -> None:
        kind = {"loss": self.loss == "pose", "model": self.model == "none"}
        if any(kind.values()) and not (all(kind.values()) and self.attention == "stn" and self.augment == "poses"):
            raise ValueError("loss, model: 'pose' and 'none' go together, with attention stn and augment poses")
        beside = ("shown_poses", "localisation_from", "identity_pull", "unwarped_loss")
        if self.loss == "pose" and (self.localisation_lr != 1.0 or any(getattr(self, key) for key in beside)):
            raise ValueError("loss: 'pose' trains the localisation net alone, without shown_poses and its like")
        if self.loss == "pose" and (self.label_smoothing or self.mixup or self.class_weight != "none"):
            raise ValueError("label_smoothing, class_weight, mixup: belong to loss cross_entropy")
        if self.localisation_lr == 0 and not self.shown_poses:
            raise ValueError("localisation_lr: 0 keeps a net as it is, which needs shown_poses")

    def _check_teacher(self) -> None:
        if wrong := [name for name in self.teacher if not re.fullmatch("[0-9a-f]{12}", name)]:
            raise ValueError(f"teacher: {wrong[0]!r} is no run id, which has twelve hex digits")
        if self.teacher and not self.views:
            raise ValueError("teacher: is asked about a pool of views; give their number as `views`")
        if self.teacher and (self.loss == "pose" or self.unwarped_loss or self.preparation != "none"):
            raise ValueError("teacher: goes with loss cross_entropy, without unwarped_loss and preparation")
        changed = [key for key in ("teacher_weight", "temperature") if getattr(self, key) != _default(self, key)]
        if changed and not self.teacher:
            raise ValueError(f"{', '.join(changed)}: belong to a teacher")

    def _check_pretraining(self, before: "RunConfig") -> None:
        if before.dataset != self.pretrained:
            raise ValueError(f"pretraining: dataset is {before.dataset!r}, pretrained says {self.pretrained!r}")
        same = all(getattr(before, key) == getattr(self, key) for key in ("model", "stem", "width_per_group"))
        if not same or before.attention != "none":
            raise ValueError("pretraining: needs the same model, stem and width_per_group, and attention none")

    @property
    def is_for_others(self) -> bool:
        """Whether its weights are what it is trained for: a run on a pre-training set, or one that is shown poses."""
        return self.dataset in PRETRAINING_SETS or self.loss == "pose"

    @property
    def pose_run(self) -> "RunConfig | None":
        """The run in which the localisation net is shown poses, on the training images of this one; None without."""
        if not self.shown_poses:
            return None
        shared = ("dataset", "label_rule", "split", "seed", "train_limit", "test_limit", "localisation",
                  "warps", "batch_size", "precision")  # fmt: skip
        return RunConfig(
            model="none", attention="stn", loss="pose", augment="poses", schedule="cosine", epochs=self.shown_poses,
            **{key: getattr(self, key) for key in shared},
        )  # fmt: skip

    @property
    def before(self) -> "tuple[RunConfig, ...]":
        """The runs whose weights this one starts from."""
        return tuple(run for run in (self.pretraining, self.pose_run) if run is not None)

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, where: str = "run") -> Self:
        """Config from a mapping.

        Raises:
            FerError: an unknown key, a wrong type or a contradiction; names the key and what is allowed.
        """
        return validated(cls, dict(values), where=where)

    def canonical(self) -> str:
        """What differs from the defaults, as JSON with sorted keys: equal for two configs that are the same run.

        Defaults are left out, so that a new key with a default that changes nothing leaves old runs their identity.
        """
        return json.dumps(self.model_dump(exclude_defaults=True), sort_keys=True)

    def run_id(self, fingerprint: str) -> str:
        """Twelve hex digits over the config, the fingerprint of what it trains on, and the record's schema version."""
        return hashlib.sha256(f"{self.canonical()}\n{fingerprint}\n{SCHEMA}".encode()).hexdigest()[:12]

    def fingerprint(self, faces: FaceSet) -> str:
        """The data's fingerprint; with a network or optimizer of the user's own, also its file's."""
        own = [source_hash(name) for name in (self.model, self.optimizer) if is_import_path(name)]
        return hashlib.sha256("".join([faces.fingerprint, *own]).encode()).hexdigest() if own else faces.fingerprint


def _default(config: RunConfig, key: str) -> Any:
    return type(config).model_fields[key].default
