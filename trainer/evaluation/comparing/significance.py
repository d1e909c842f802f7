"""P values from resamples, and their correction for several tests."""

from collections.abc import Sequence

import numpy as np

from trainer.evaluation.binary_metrics import Floats


def p_value(differences: Floats) -> float | None:
    """Return the two-sided p value of a difference of 0, from the differences of resamples.

    Args:
        differences: (resamples,), NaN where undefined.
    """
    defined = differences[~np.isnan(differences)]
    if not defined.size:
        return None
    # Twice the smaller share of resamples on either side of 0, the inverse of the percentile
    # interval (Davison & Hinkley 1997, section 5.2); one more on each side, so that it is never 0.
    fewer = min((defined <= 0).sum(), (defined >= 0).sum())
    return min(1.0, 2 * (float(fewer) + 1) / (defined.size + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for the number of tests (Holm 1979, Scand. J. Stat. 6:65)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        # corrected values keep the order of the p values, although their factors fall
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
