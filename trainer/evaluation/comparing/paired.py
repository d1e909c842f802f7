"""Comparison of models on the same views, by a paired bootstrap over patient groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import polars as pl

from trainer.evaluation.binary_metrics import Floats
from trainer.evaluation.bootstrap import Draws, Interval, interval, mean_in_resamples
from trainer.evaluation.decisions.calibration import brier_score, calibrate
from trainer.evaluation.decisions.decision import Decision, Rule
from trainer.evaluation.estimates import resample_rows
from trainer.evaluation.metrics import measure_auroc, measure_rates
from trainer.evaluation.scored_table import LEVELS, levels, to_arrays

# kappa and accuracy are those at each run's decision threshold, and the Brier score is that of its
# calibrated probabilities; it is the only one that is better if lower
METRICS = {"auroc": "AUROC", "kappa": "kappa", "accuracy": "accuracy", "brier": "Brier score"}


@dataclass(frozen=True)
class Model:
    """A model with its predictions of one set, of the same views in all models of a comparison."""

    name: str
    decision: Decision
    scored: pl.DataFrame


@dataclass(frozen=True)
class Difference:
    """The difference of two models in one metric, None where undefined or of too few groups.

    Attributes:
        metric: key of `METRICS`.
        values: of the first and of the second model.
        difference: first minus second, with the 95 % CI `bounds`.
        p_value: two-sided.
        corrected: p value after Holm's correction over all pairs of the same metric and level.
    """

    level: str
    metric: str
    first: str
    second: str
    values: tuple[float | None, float | None]
    difference: float | None
    bounds: Interval | None
    p_value: float | None
    corrected: float | None


def compare_models(models: Sequence[Model], seed: int) -> list[Difference]:
    """Compare each pair of two or more models by view and by study, in the order of `METRICS`."""
    found: list[Difference] = []
    for level in LEVELS:
        measured = {model.name: _measure(model, level, seed) for model in models}
        for metric in METRICS:
            pairs = [_subtract(level, metric, pair, measured) for pair in combinations(measured, 2)]
            found += _correct(pairs)
    return found


# metrics of a model at one level on all rows, and on each resample (resamples,), None if unknown
_Measured = tuple[Mapping[str, float | None], Mapping[str, Floats] | None]


def _measure(model: Model, level: str, seed: int) -> _Measured:
    rows = dict(levels(model.scored))[level]
    rule: Rule = model.decision.rule(level)
    labels, probabilities = to_arrays(rows)
    rates = measure_rates(labels, probabilities, rule.threshold)
    calibrated = calibrate(probabilities, rule.temperature)
    values = {
        "auroc": measure_auroc(labels, probabilities),
        "kappa": rates["kappa"],
        "accuracy": rates["accuracy"],
        "brier": brier_score(labels, calibrated),
    }
    # one seed: all models are measured on the same resamples, so the difficulty of the patients
    # cancels out of the difference
    drawn = resample_rows(rows, [rule.threshold], seed)
    if drawn is None:
        return values, None
    squares, groups = (calibrated - labels) ** 2, rows["group"].to_numpy()
    brier = mean_in_resamples(squares, groups, Draws(seed=seed))
    at_threshold = {key: drawn.rates[0][key] for key in ("kappa", "accuracy")}
    return values, {"auroc": drawn.auroc, "brier": brier, **at_threshold}


def _subtract(
    level: str, metric: str, names: tuple[str, str], measured: Mapping[str, _Measured]
) -> Difference:
    (first, first_drawn), (second, second_drawn) = (measured[name] for name in names)
    a, b = values = first[metric], second[metric]
    bounds = p = None
    if first_drawn is not None and second_drawn is not None:
        drawn = first_drawn[metric] - second_drawn[metric]
        bounds, p = interval(drawn), p_value(drawn)
    difference = None if a is None or b is None else a - b
    return Difference(level, metric, *names, values, difference, bounds, p, None)


def _correct(pairs: Sequence[Difference]) -> list[Difference]:
    known = [pair.p_value for pair in pairs if pair.p_value is not None]
    corrected = iter(holm(known))
    return [
        replace(pair, corrected=None if pair.p_value is None else next(corrected)) for pair in pairs
    ]


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
    order = np.argsort(p_values, kind="stable")
    scaled = np.array(p_values)[order] * np.arange(order.size, 0, -1)
    # corrected values keep the order of the p values, although their factors fall
    corrected = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected[np.argsort(order)].tolist()
