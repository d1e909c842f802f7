"""The penalized loss of a head as a function of one parameter vector, for SciPy's optimizer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.features.heads import (
    Classes,
    Examples,
    Head,
    Matrix,
    cross_entropies,
    to_probabilities,
)

Parameters = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeadShape:
    """The layout of a head's weights in one vector.

    Attributes:
        num_embedded: features of an embedding.
        num_features: features that the head takes, computed from an embedding.
        num_hidden: hidden units; may be 0.
        num_outputs: 1 for the logit of abnormal, or one per class.
    """

    num_embedded: int
    num_features: int
    num_hidden: int
    num_outputs: int

    def unpack(self, parameters: Parameters) -> Head:
        """Return the head with these parameters."""
        sizes = [int(np.prod(part)) for part in self._parts]
        pieces = np.split(parameters.astype(np.float32), np.cumsum(sizes)[:-1])
        return Head(*(p.reshape(part) for p, part in zip(pieces, self._parts, strict=True)))

    def initial(self, seed: int) -> Parameters:
        """Return initial weights: zeros, and He's for hidden units (arXiv:1502.01852)."""
        arrays = self._zeros()
        random: Any = np.random.default_rng(seed)  # numpy 1's types leave its methods half unknown
        arrays[2] = random.normal(0, np.sqrt(2 / self.num_embedded), self._parts[2])
        return pack(arrays)

    def decay_per_parameter(self, decay: float) -> Parameters:
        """Return the weight decay of each parameter.

        Biases have none. The decay of hidden units is the inverse variance of their initial
        weights. The decay of the output weights of hidden units gives all units together the same
        prior variance as all features of an embedding together.
        """
        arrays = self._zeros()
        arrays[0] += decay
        arrays[2] += self.num_embedded / 2
        arrays[4] += decay * self.num_hidden / self.num_embedded
        return pack(arrays)

    @property
    def _parts(self) -> tuple[tuple[int, ...], ...]:
        # in the order of the attributes of `Head`
        return (
            (self.num_features, self.num_outputs),
            (self.num_outputs,),
            (self.num_features, self.num_hidden),
            (self.num_hidden,),
            (self.num_hidden, self.num_outputs),
        )

    def _zeros(self) -> list[npt.NDArray[Any]]:
        return [np.zeros(part) for part in self._parts]


def pack(arrays: list[npt.NDArray[Any]]) -> Parameters:
    """Concatenate arrays, in the order of a head's attributes, into one vector."""
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)


class HeadLoss:
    """The weighted sum of the cross-entropies of train rows, plus the weight decay penalty.

    Args:
        shape: layout of the parameters.
        features: features of train rows, float32 (rows, m).
        examples: classes and sample weights of train rows.
        initial: parameters towards which weights decay.
        decay: weight decay of each parameter.
    """

    def __init__(
        self,
        shape: HeadShape,
        features: Matrix,
        examples: Examples,
        initial: Parameters,
        decay: Parameters,
    ):
        self._shape, self._features, self._examples = shape, features, examples
        self._initial, self._decay = initial, decay
        self._targets = _to_targets(examples.classes, shape.num_outputs)
        self._last: tuple[Parameters, Matrix] | None = None

    def __call__(self, parameters: Parameters) -> tuple[float, Parameters]:
        """Return the loss and its gradient."""
        features, examples = self._features, self._examples
        head = self._shape.unpack(parameters)
        hidden = head.activate(features)
        logits = head.combine(features, hidden)
        self._last = (parameters.copy(), logits)
        error = (to_probabilities(logits) - self._targets) * examples.weights[:, None]
        # (hidden > 0) is the derivative of ReLU
        hidden_error = error @ head.output_kernel.T * (hidden > 0)
        gradient = [
            features.T @ error,
            error.sum(axis=0),
            features.T @ hidden_error,
            hidden_error.sum(axis=0),
            hidden.T @ error,
        ]
        moved = parameters - self._initial
        penalty = self._decay * moved
        loss = examples.weights @ cross_entropies(logits, examples.classes)
        return float(loss + 0.5 * moved @ penalty), pack(gradient) + penalty

    def logits(self, parameters: Parameters) -> Matrix:
        """Return the logits of train rows.

        The logits of the last call are reused: an epoch of L-BFGS ends at the last evaluated
        parameters.
        """
        if self._last and np.array_equal(self._last[0], parameters):
            return self._last[1]
        return self._shape.unpack(parameters).logits(self._features)


def _to_targets(classes: Classes, num_outputs: int) -> Matrix:
    if num_outputs == 1:
        return classes[:, None].astype(np.float32)
    return np.eye(num_outputs, dtype=np.float32)[classes]
