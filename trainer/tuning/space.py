"""Space: the settings that a search tries, and where it begins."""

from typing import Any, get_args

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)

from trainer.models.candidates import HeadKind
from trainer.options import Augment, ClassWeight, TuneOptions
from trainer.tuning.trials import Settings

Space = dict[str, BaseDistribution]
"""By name of an option, the values that it may have."""

_DECAYS = (10.0, 10_000.0)
_RATE_FACTOR = 10.0
_DROPOUTS = (0.0, 0.6)
_BATCHES = (16, 32, 64)
_DIGITS = 3


def make_space(options: TuneOptions, num_views: int) -> Space:
    """Return what is searched: decays and rates evenly on a logarithmic scale.

    Args:
        options: `search` names the settings.
        num_views: to train on; no batch has more.
    """
    space = {name: _distribute(name, options) for name in options.searched}
    if "batch_size" in space:
        batches = [batch for batch in _BATCHES if batch <= num_views]
        space["batch_size"] = CategoricalDistribution(batches)
    return space


def _distribute(name: str, options: TuneOptions) -> BaseDistribution:
    if name == "weight_decay":
        return FloatDistribution(*_DECAYS, log=True)
    if name == "learning_rate":
        usual = options.learning_rate_of(options.model)
        return FloatDistribution(usual / _RATE_FACTOR, usual * _RATE_FACTOR, log=True)
    if name == "dropout":
        return FloatDistribution(*_DROPOUTS, step=0.05)
    # of one body part, labels of parts are labels
    balances = get_args(ClassWeight) if options.part == "all" else ("none", "label")
    choices = {"head": get_args(HeadKind), "augment": get_args(Augment), "class_weight": balances}
    return CategoricalDistribution(choices.get(name, _BATCHES))


def usual_settings(options: TuneOptions) -> Settings:
    """Return the settings that `train` would take."""
    usual = {
        "learning_rate": options.learning_rate_of(options.model),
        "dropout": options.dropout_of(options.model),
    }
    return {name: usual.get(name, getattr(options, name)) for name in options.searched}


def round_settings(settings: Settings) -> Settings:
    """Return the settings with as many digits as a person would type."""
    return {
        name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
        for name, value in settings.items()
    }


def describe(space: Space) -> dict[str, list[Any]]:
    """Return by setting the lowest and highest number, or all choices."""
    return {
        name: [one.low, one.high]
        if isinstance(one, FloatDistribution)
        else list(one.choices)
        if isinstance(one, CategoricalDistribution)
        else []
        for name, one in space.items()
    }
