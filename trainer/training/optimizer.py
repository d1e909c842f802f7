"""The optimizer of training on images: learning rate over time and by layer, weight decay, EMA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from trainer.options import FitOptions

# decoupled weight decay of `adamw` (Loshchilov and Hutter 2019): the fraction of a weight that is
# subtracted in a step, divided by the learning rate
_WEIGHT_DECAY = 0.01
_WITHOUT_DECAY = ["bias", "beta", "gamma"]
# Parts of a backbone with one learning rate each. Each layer on its own would leave the first of a
# hundred layers without any.
_NUM_PARTS = 10
_PLATEAU_FACTOR = 0.1
# Longest average of the weights, as a fraction of an epoch. A longer one lags behind the weights:
# momentum 0.99 averages 100 steps, five epochs of 700 views, and their early weights are worse.
_LONGEST_AVERAGE = 0.5


class LayerwiseAdam(keras.optimizers.Adam):
    """Adam with a factor of the learning rate, and so of the weight decay, for each weight."""

    def __init__(self, factors: Sequence[float], **options: Any):
        super().__init__(**options)
        self._factors = factors

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a weight."""
        rate = learning_rate * self._factors[self._get_variable_index(variable)]
        if self.weight_decay and self._use_weight_decay(variable):
            self.assign_sub(variable, variable * self.weight_decay * rate)
        super().update_step(gradient, variable, rate)

    def _apply_weight_decay(self, variables: Any) -> None:
        # Keras would decay all weights at the rate of the head
        del variables


def make_optimizer(
    model: keras.Model, options: FitOptions, learning_rate: float, num_steps: int
) -> keras.optimizers.Optimizer:
    """Return the optimizer of a fit; its learning rate is a function of the step."""
    optimizer: Any = LayerwiseAdam(
        layer_factors(model, options.layer_decay),
        learning_rate=_schedule(options, learning_rate, num_steps),
        weight_decay=_WEIGHT_DECAY if options.optimizer == "adamw" else None,
        global_clipnorm=options.clip_norm or None,
        use_ema=options.ema > 0,
        ema_momentum=bound_momentum(options.ema, num_steps // options.epochs),
    )
    if options.optimizer == "adamw":
        optimizer.exclude_from_weight_decay(var_names=_WITHOUT_DECAY)
    return optimizer


def bound_momentum(momentum: float, steps_per_epoch: int) -> float:
    """Return the momentum of an average of the weights, over at most half an epoch."""
    # momentum m averages about 1 / (1 - m) steps
    return min(momentum, 1 - 1 / max(1.0, _LONGEST_AVERAGE * steps_per_epoch))


def _schedule(options: FitOptions, learning_rate: float, num_steps: int) -> Any:
    # the decay has at least one step
    num_warmup = min(round(options.warmup * num_steps), num_steps - 1)
    if options.schedule != "cosine" and not num_warmup:
        return learning_rate
    # a cosine that ends at the full rate is constant after the warm-up
    end = 0.0 if options.schedule == "cosine" else 1.0
    return keras.optimizers.schedules.CosineDecay(
        0.0 if num_warmup else learning_rate,
        num_steps - num_warmup,
        end,
        warmup_target=learning_rate if num_warmup else None,
        warmup_steps=num_warmup,
    )


def layer_factors(model: keras.Model, layer_decay: float) -> list[float]:
    """Return the factor of the learning rate of each trainable weight of a model, in their order.

    The layers of the backbone are divided by depth into ten parts. The part nearest the head has
    the factor `layer_decay`, each earlier one `layer_decay` times that of its successor.
    """
    # the head is the layer `logits`, or a nested model with it
    layers = [layer for layer in model.layers if layer.trainable_variables]
    *backbone, head = layers
    factors: dict[int, float] = {}
    for index, layer in enumerate(backbone):
        num_later = _NUM_PARTS - index * _NUM_PARTS // len(backbone)
        factors.update((id(weight), layer_decay**num_later) for weight in layer.trainable_variables)
    factors.update((id(weight), 1.0) for weight in head.trainable_variables)
    return [factors[id(weight)] for weight in model.trainable_variables]


def plateau_factor(losses: Sequence[float]) -> float:
    """Return the factor of the rate: a tenth for each epoch without a lower validation loss."""
    # a function of all losses, and not a state, so that it is the same in a resumed fit
    num_without = sum(loss >= min(losses[:n]) for n, loss in enumerate(losses) if n)
    return _PLATEAU_FACTOR**num_without
