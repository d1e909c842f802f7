"""Learning of temperatures and decision thresholds from held-out predictions."""

import numpy as np
import polars as pl

from trainer.evaluation.binary_metrics import Floats, Ints
from trainer.evaluation.calibration import calibrate, learn_temperature
from trainer.evaluation.decision import LEARNT_ON, Decision, Rule
from trainer.evaluation.scored_table import by_study, to_arrays

CALIBRATED = "calibrated_probability"


def decide(scored: pl.DataFrame, model: str) -> Decision:
    """Learn the rules on a model's out-of-fold predictions, or without folds on validation ones.

    Test predictions are never used.

    Args:
        scored: a scored table.
        model: name of the saved model.
    """
    for role in LEARNT_ON:
        rows = scored.filter(model=model, role=role).sort("view_id")
        if rows["label"].n_unique() > 1:
            studies = by_study(rows)
            return Decision(
                model, role, rows.height, studies.height, view=_learn(rows), study=_learn(studies)
            )
    return Decision(model)


def _learn(rows: pl.DataFrame) -> Rule:
    return Rule(learn_temperature(*to_arrays(rows)), learn_threshold(*to_arrays(rows)))


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
