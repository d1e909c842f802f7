"""The search space of the hyperparameters, and the settings of the first trial."""

from collections.abc import Callable
from typing import Any, cast, get_args

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from trainer.options import Augment, ClassWeight, TuneOptions
from trainer.tuning.trials import Settings

Space = dict[str, BaseDistribution]

# lower and upper bounds, or all choices, of each setting
_DECAYS = (10.0, 10_000.0)
# learning rates are at most this factor below or above the default of the model
_RATE_FACTOR = 10.0
_DROPOUTS = (0.0, 0.6)
_BATCHES = (16, 32, 64)
_COPIES = (1, 2, 4)
# significant digits of a setting
_DIGITS = 3


def make_space(options: TuneOptions, num_views: int) -> Space:
    """Return the distribution of each searched option; no batch has more than `num_views`."""
    space = {name: _distribute(name, options) for name in options.searched}
    if "batch_size" in space:
        batches = [batch for batch in _BATCHES if batch <= num_views]
        space["batch_size"] = CategoricalDistribution(batches)
    return space


def _distribute(name: str, options: TuneOptions) -> BaseDistribution:
    if name == "weight_decay":
        return FloatDistribution(*_DECAYS, log=True)
    if name == "learning_rate":
        default = options.learning_rate_of(options.model)
        return FloatDistribution(default / _RATE_FACTOR, default * _RATE_FACTOR, log=True)
    if name == "dropout":
        return FloatDistribution(*_DROPOUTS, step=0.05)
    # with one body part, `part_label` equals `label`
    class_weights = get_args(ClassWeight) if options.part == "all" else ("none", "label")
    choices = {"copies": _COPIES, "augment": get_args(Augment), "class_weight": class_weights}
    return CategoricalDistribution(choices.get(name, _BATCHES))


def default_settings(options: TuneOptions) -> Settings:
    """Return the default settings of `train`, for the first trial."""
    defaults: dict[str, Callable[[], Any]] = {
        "weight_decay": lambda: options.candidate.weight_decay,
        "copies": lambda: options.copies_of(options.model),
        "learning_rate": lambda: options.learning_rate_of(options.model),
        "dropout": lambda: options.dropout_of(options.model),
    }
    # joined backbones have no learning rate and no dropout
    return {
        name: defaults[name]() if name in defaults else getattr(options, name)
        for name in options.searched
    }


def round_settings(settings: Settings) -> Settings:
    """Round settings to a few significant digits."""
    return {
        name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
        for name, value in settings.items()
    }


def describe(space: Space) -> dict[str, list[Any]]:
    """Return the bounds or the choices of each setting."""
    return {
        name: [one.low, one.high] if isinstance(one, FloatDistribution) else list(one.choices)
        for name, one in cast("dict[str, Any]", space).items()
    }
