"""What a run says of itself while a campaign goes on."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fer_lib.training.config import RunConfig

State = Literal["trained", "reused", "diverged", "skipped", "broken", "stopped"]


@dataclass(frozen=True)
class Event:
    """What a run reports: an epoch (`state` empty), its end, or that it waits (neither; `reason` says for what)."""

    config: RunConfig
    epoch: int = 0
    accuracy: float = 0.0
    images: int = 0
    seconds: float = 0.0
    state: State | Literal[""] = ""
    reason: str = ""


def titles(configs: Iterable[RunConfig]) -> dict[RunConfig, str]:
    """The `title` of each run; those that would read alike also name the keys in which they differ."""
    alike: dict[str, list[RunConfig]] = defaultdict(list)
    for config in dict.fromkeys(configs):
        alike[title(config)].append(config)
    found = {}
    for text, group in alike.items():
        keys = [key for key in RunConfig.model_fields if len({repr(getattr(config, key)) for config in group}) > 1]
        for config in group:
            found[config] = ", ".join([text, *(f"{key} {getattr(config, key)}" for key in keys)])
    return found


def title(config: RunConfig) -> str:
    """A run in a few words: model, attention, pre-training, optimizer, learning rate, data, split and seed."""
    words = [config.model + (f"+{config.attention}" if config.attention != "none" else "")]
    if config.loss == "pose":
        words = ["localisation net shown poses"]
    if config.pretrained != "none":
        words.append(f"from {config.pretrained}")
    words.append(f"{config.optimizer} {config.lr:g}")
    return f"{' '.join(words)} on {config.dataset}/{config.split} seed {config.seed}"
