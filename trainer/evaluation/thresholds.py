"""Learning of temperatures and decision thresholds from held-out predictions."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from trainer.evaluation.binary_metrics import Floats, Ints
from trainer.evaluation.bootstrap import Interval, interval
from trainer.evaluation.calibration import calibrate, learn_temperature
from trainer.evaluation.decision import LEARNT_ON, Decision, Rule
from trainer.evaluation.scored_table import by_study, to_arrays

CALIBRATED = "calibrated_probability"
MIN_STUDIES = 1_000
"""With fewer studies no threshold is learnt."""
_NUM_RESAMPLES = 400
"""Enough for an interval that only decides whether it includes 0.5."""


def decide(
    scored: pl.DataFrame, model: str, threshold: float | None = None, seed: int = 0
) -> Decision:
    """Learn the rules on a model's out-of-fold predictions, or without folds on validation ones.

    Test predictions are never used. The threshold is Youden's, unless there are too few studies or
    its confidence interval includes 0.5: on 250 studies, Youden's threshold has a kappa .03 to .05
    below that of 0.5.

    Args:
        scored: a scored table.
        model: name of the saved model.
        threshold: threshold of the calibrated probability; None to learn it.
        seed: seed of the resamples for the interval of the threshold.
    """
    for role in LEARNT_ON:
        rows = scored.filter(model=model, role=role).sort("view_id")
        if rows["label"].n_unique() > 1:
            studies = by_study(rows)
            is_large = studies.height >= MIN_STUDIES
            view, study = (
                _set_threshold(_learn(level, is_large, seed), threshold)
                for level in (rows, studies)
            )
            return Decision(model, role, rows.height, studies.height, view, study)
    rule = _set_threshold(Rule(), threshold)
    return Decision(model, view=rule, study=rule)


def _learn(rows: pl.DataFrame, is_large: bool, seed: int) -> Rule:
    labels, probabilities = to_arrays(rows)
    temperature = learn_temperature(labels, probabilities)
    if not is_large:
        return Rule(temperature, basis="few")
    bounds = bound_threshold(labels, probabilities, rows["group"].to_numpy(), seed)
    if bounds is None or bounds.low <= 0.5 <= bounds.high:
        return Rule(temperature, basis="unclear")
    return Rule(temperature, learn_threshold(labels, probabilities), "youden")


def _set_threshold(rule: Rule, calibrated: float | None) -> Rule:
    """Return the rule with a given threshold of the calibrated probability, if any."""
    if calibrated is None:
        return rule
    # the inverse of calibration: logits are multiplied by the temperature
    threshold = float(calibrate(np.array([calibrated]), 1 / rule.temperature)[0])
    return Rule(rule.temperature, threshold, "given")


def bound_threshold(
    labels: Ints, probabilities: Floats, groups: npt.NDArray[np.generic], seed: int
) -> Interval | None:
    """Return the bootstrap interval of Youden's threshold, from resamples of patient groups.

    Args:
        labels: 0 and 1, (rows,).
        probabilities: of abnormal, (rows,).
        groups: patient group of each row, (rows,).
        seed: seed of the resamples.
    """
    names, clusters = np.unique(groups, return_inverse=True)
    random: Any = np.random.default_rng(seed)  # numpy 1 types its methods only in part
    thresholds: list[float] = []
    for _ in range(_NUM_RESAMPLES):
        drawn = random.integers(names.size, size=names.size)
        weights = np.bincount(drawn, minlength=names.size)[clusters]
        taken = np.repeat(np.arange(labels.size), weights)
        if np.unique(labels[taken]).size == 2:
            thresholds.append(learn_threshold(labels[taken], probabilities[taken]))
    return interval(np.array(thresholds))


def learn_threshold(labels: Ints, probabilities: Floats) -> float:
    """Return the threshold with the highest Youden's J, sensitivity + specificity - 1.

    Of equal ones it is the nearest to 0.5. Unlike kappa, Youden's J (Youden 1950, Cancer 3:32) does
    not depend on the prevalence of abnormal rows: 40 % of MURA's train split, 48 % of its valid
    split.

    Args:
        labels: 0 and 1, (rows,), both present.
        probabilities: of abnormal, (rows,).

    Returns:
        The midpoint of two probabilities; 0.5 if no threshold is better than chance.
    """
    values = np.unique(probabilities)
    thresholds = (values[1:] + values[:-1]) / 2
    false_negative_rate, specificity = (
        np.searchsorted(np.sort(own), thresholds) / own.size
        for own in (probabilities[labels == label] for label in (1, 0))
    )
    youden = specificity - false_negative_rate
    if not youden.size or youden.max() <= 0:
        return 0.5
    best = thresholds[youden == youden.max()]
    return float(best[np.abs(best - 0.5).argmin()])


def add_calibrated(scored: pl.DataFrame, decision: Decision) -> pl.DataFrame:
    """Return the table with `calibrated_probability` of views; null in rows of other models."""
    probabilities = calibrate(scored["probability"].to_numpy(), decision.view.temperature)
    is_own = pl.col("model") == decision.model
    return scored.with_columns(
        pl.when(is_own).then(pl.lit(pl.Series(probabilities))).alias(CALIBRATED)
    )
