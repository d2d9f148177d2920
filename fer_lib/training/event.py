"""What a run says of itself while a campaign goes on."""

from dataclasses import dataclass
from typing import Literal

from fer_lib.training.config import RunConfig

State = Literal["trained", "reused", "diverged", "skipped", "stopped"]


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


def title(config: RunConfig) -> str:
    """A run in a few words: model, attention, what else differs from the paper's defaults, data, split and seed."""
    words = [config.model + (f"+{config.attention}" if config.attention != "none" else "")]
    if config.pretrained != "none":
        words.append(f"from {config.pretrained}")
    words.append(f"{config.optimizer} {config.lr:g}")
    return f"{' '.join(words)} on {config.dataset}/{config.split} seed {config.seed}"
