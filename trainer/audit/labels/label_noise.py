"""The share of wrong labels, and whether predictions without wrong labels explain it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.evaluation.binary_metrics import Floats, Ints

_SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2)
# factors of the logits, because wrong labels make calibrated probabilities less extreme
_SCALES = np.geomspace(0.3, 6, 40)
_NUM_SETS = 499
_ALARM_P = 0.01
_TINY = 1e-7


@dataclass(frozen=True)
class LabelNoise:
    """An estimate of the share of wrong labels.

    Attributes:
        share: share of wrong labels with the highest likelihood.
        p_value: probability of as high a likelihood ratio without wrong labels.
    """

    share: float
    p_value: float

    @property
    def is_alarm(self) -> bool:
        """Whether predictions without wrong labels hardly explain the labels."""
        return self.p_value < _ALARM_P


def estimate_noise(labels: Ints, probabilities: Floats, seed: int = 0) -> LabelNoise:
    """Estimate the share of wrong labels by maximum likelihood, and test it against none.

    The probability of a label is `share + (1 - 2 * share) * sigmoid(scale * logit)`: wrong labels
    contradict even the most certain predictions at this share. The ratio of the maximum likelihoods
    with any share and with none is compared with those of 499 sets of labels that are drawn from
    the probabilities (parametric bootstrap, Davison and Hinkley 1997, section 4.2).

    Args:
        labels: 0 or 1, (rows,).
        probabilities: calibrated probability of label 1, out of sample, (rows,).
        seed: seed of the drawn labels.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.random((_NUM_SETS, len(labels))) < probabilities
    ratios, shares = _fit(np.concatenate([labels[None] == 1, drawn]), probabilities)
    # rounding must not count for or against equal ratios
    num_as_high = int((ratios[1:] >= ratios[0] - _TINY).sum())
    return LabelNoise(float(shares[0]), (1 + num_as_high) / (_NUM_SETS + 1))


def _fit(labels: npt.NDArray[np.bool_], probabilities: Floats) -> tuple[Floats, Floats]:
    """Return the log of the likelihood ratio, and the likeliest share, of sets (sets, rows)."""
    clipped = np.clip(probabilities, _TINY, 1 - _TINY)
    scaled = 1 / (1 + (1 / clipped[:, None] - 1) ** _SCALES)
    sets = labels.astype(np.float64)
    by_share = np.stack(
        [_log_likelihoods(sets, share + (1 - 2 * share) * scaled) for share in _SHARES], axis=1
    )
    return by_share.max(axis=1) - by_share[:, 0], np.array(_SHARES)[by_share.argmax(axis=1)]


def _log_likelihoods(sets: Floats, probabilities: Floats) -> Floats:
    """Return the highest log-likelihood of each set over probabilities (rows, scales), (sets,)."""
    clipped = np.clip(probabilities, _TINY, 1 - _TINY)
    of_normal = np.log1p(-clipped)
    log_odds = np.log(clipped) - of_normal
    return (sets @ log_odds + of_normal.sum(axis=0)).max(axis=1)
