"""The order of a campaign: what is written comes first, then the rest seed by seed, the longest last."""

from collections.abc import Iterable, Sequence

from fer_lib.campaign import cost
from fer_lib.training.config import RunConfig


def in_order(configs: Iterable[RunConfig], first: Sequence[RunConfig] = ()) -> list[RunConfig]:
    """Distinct configs with the pre-training runs they need, in the order to train them.

    Those among `first` come first, in its order. The others follow seed by seed, the longest last. Without a `first`,
    pre-training comes first, what starts from it last, and the longest first in between, so that parallel jobs end
    together.
    """
    wanted = dict.fromkeys(configs)
    if not first:
        before = [run for config in wanted for run in config.before]
        rest = sorted(wanted, key=lambda config: (bool(config.before), -cost.gflop(config)))
        return list(dict.fromkeys([*before, *rest]))
    named = dict.fromkeys(config for config in first if config in wanted)
    rest = [config for config in wanted if config not in named]
    return with_pretraining([*named, *sorted(rest, key=lambda config: (config.seed, cost.gflop(config)))])


def with_pretraining(configs: Iterable[RunConfig]) -> list[RunConfig]:
    """Distinct configs in their order, each after the pre-training run that it starts from."""
    return list(dict.fromkeys(run for config in configs for run in (*config.before, config)))
