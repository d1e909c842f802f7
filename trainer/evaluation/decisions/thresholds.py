"""Learning of temperatures and decision thresholds from held-out predictions."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from trainer.evaluation.binary_metrics import Floats, Ints
from trainer.evaluation.bootstrap import Interval, interval
from trainer.evaluation.decisions.calibration import calibrate, learn_temperature
from trainer.evaluation.decisions.decision import LEARNT_ON, Decision, Rule
from trainer.evaluation.decisions.operating_points import find_threshold, learn_threshold
from trainer.evaluation.scored_table import by_study, to_arrays
from trainer.options.threshold import ThresholdRule

CALIBRATED = "calibrated_probability"
# with fewer studies no threshold is learnt: on 250 studies, Youden's threshold has a kappa .03 to
# .05 below that of 0.5
_MIN_STUDIES = 1_000
_AUTO = ThresholdRule()
# enough for an interval that only decides whether it includes 0.5
_NUM_RESAMPLES = 400


def decide(
    scored: pl.DataFrame, model: str, threshold: ThresholdRule = _AUTO, seed: int = 0
) -> Decision:
    """Learn the rules on a model's out-of-fold predictions, or without folds on validation ones.

    With `auto`, the threshold is Youden's, unless there are too few studies or its confidence
    interval includes 0.5. A given value is on the calibrated scale.
    """
    for role in LEARNT_ON:
        rows = scored.filter(model=model, role=role).sort("view_id")
        if rows["label"].n_unique() > 1:
            studies = by_study(rows)
            is_large = studies.height >= _MIN_STUDIES
            view, study = (
                _set_threshold(_learn(level, threshold, is_large, seed), threshold)
                for level in (rows, studies)
            )
            return Decision(model, role, rows.height, studies.height, view, study)
    rule = _set_threshold(Rule(), threshold)
    return Decision(model, view=rule, study=rule)


def _learn(rows: pl.DataFrame, threshold: ThresholdRule, is_large: bool, seed: int) -> Rule:
    labels, probabilities = to_arrays(rows)
    temperature = learn_temperature(labels, probabilities)
    if threshold.is_learnt:
        return Rule(temperature, find_threshold(labels, probabilities, threshold), threshold.kind)
    if not is_large:
        return Rule(temperature, basis="few")
    bounds = _bound_threshold(labels, probabilities, rows["group"].to_numpy(), seed)
    if bounds is None or bounds.low <= 0.5 <= bounds.high:
        return Rule(temperature, basis="unclear")
    return Rule(temperature, learn_threshold(labels, probabilities), "youden")


def _set_threshold(rule: Rule, threshold: ThresholdRule) -> Rule:
    if threshold.kind != "given":
        return rule
    # the inverse of calibration: logits are multiplied by the temperature
    uncalibrated = calibrate(np.array([threshold.value]), 1 / rule.temperature)
    return Rule(rule.temperature, float(uncalibrated[0]), "given")


def _bound_threshold(
    labels: Ints, probabilities: Floats, groups: npt.NDArray[np.generic], seed: int
) -> Interval | None:
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


def add_calibrated(scored: pl.DataFrame, decision: Decision) -> pl.DataFrame:
    """Return the table with `calibrated_probability` of views; null in rows of other models."""
    probabilities = calibrate(scored["probability"].to_numpy(), decision.view.temperature)
    is_own = pl.col("model") == decision.model
    return scored.with_columns(
        pl.when(is_own).then(pl.lit(pl.Series(probabilities))).alias(CALIBRATED)
    )
