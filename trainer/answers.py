"""Answers: what a run says of views and of their studies, and how often such words were right."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import binomtest

from shared.errors import TrainingError
from trainer.calibration import calibrate
from trainer.decision import Rule
from trainer.kept import Kept
from trainer.metrics import levels
from trainer.target import tell_abnormal

_NUM_ALIKE = 40
"""Held-out views that a probability is held against: an interval of some 0.3, no wider region."""
_MIN_HELD_OUT = 20
_TOLERANCE = 1e-3
"""Of the sum of a softmax in float32, or in the float16 of a GPU."""


def answer(
    kept: Kept, views: pl.DataFrame, outputs: npt.NDArray[np.float32]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what a run says of views and of their studies.

    A study's probability is the mean over its views. `low` and `high` bound, with 95 % confidence,
    the share of abnormal ones among the 40 held-out views, or studies, that the model rated most
    alike, or among the half of them if they are fewer than 80: Wilson's interval (Wilson 1927, JASA
    22:209). They are null where fewer than 20 were held out.

    Args:
        kept: the run.
        views: columns `path` and `study`, one row a view.
        outputs: of the model for these views, (rows, n).

    Returns:
        Two tables: by view `path`, `study`; by study `study`, `num_views`; and both `probability`,
        `calibrated_probability`, `low`, `high`, `threshold`, `calibrated_threshold` and `answer`,
        normal or abnormal, at the threshold.

    Raises:
        TrainingError: an output is no probability.
    """
    check_outputs(outputs, kept.folder)
    own = views.select("path", "study").with_columns(probability=tell_abnormal(outputs))
    studies = own.group_by("study", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("num_views"), pl.col("probability").mean()
    )
    held_out = dict(levels(_held_out(kept)))
    decided = (
        _decide(rows, kept.decision.rule(level), held_out[level])
        for level, rows in (("view", own), ("study", studies))
    )
    return next(decided), next(decided)


def check_outputs(outputs: npt.NDArray[np.float32], folder: Path) -> None:
    """Refuse outputs of a model that are no probabilities: NaN is below every threshold.

    Args:
        outputs: of the model, (rows, n).
        folder: of its run.

    Raises:
        TrainingError: one is NaN or not within 0 and 1, or those of classes do not sum to 1.
    """
    is_probability = (outputs >= 0) & (outputs <= 1)
    if outputs.shape[1] > 1:
        is_probability &= np.abs(outputs.sum(axis=1, keepdims=True) - 1) <= _TOLERANCE
    if not is_probability.all():
        raise TrainingError(
            f"Expected probabilities from the model of a run. Received: run={folder}, whose model "
            f"answered {outputs[~is_probability][0]:g}"
        )


def _held_out(kept: Kept) -> pl.DataFrame:
    """Return the predictions that the run's thresholds were learnt on."""
    decision = kept.decision
    return kept.scored.filter(model=decision.model, role=decision.learnt_on).cast(
        {"fold": pl.Int64}
    )


def _decide(rows: pl.DataFrame, rule: Rule, held_out: pl.DataFrame) -> pl.DataFrame:
    probabilities = rows["probability"].to_numpy()
    abnormal = pl.col("probability") >= rule.threshold
    return rows.with_columns(
        calibrated_probability=pl.lit(pl.Series(calibrate(probabilities, rule.temperature))),
        **_bound(probabilities, held_out),
        threshold=pl.lit(rule.threshold),
        calibrated_threshold=pl.lit(rule.calibrated_threshold),
        answer=pl.when(abnormal).then(pl.lit("abnormal")).otherwise(pl.lit("normal")),
    )


def _bound(
    probabilities: npt.NDArray[np.float64], held_out: pl.DataFrame
) -> dict[str, pl.Series | pl.Expr]:
    """Return `low` and `high` of the share of abnormal rows around each probability."""
    if held_out.height < _MIN_HELD_OUT:
        return {name: pl.lit(None, pl.Float64) for name in ("low", "high")}
    ranked = held_out.sort("probability")
    # of all, an interval would say how common abnormal ones are, whatever the model answered
    num_alike = min(_NUM_ALIKE, ranked.height // 2)
    num_lower = np.searchsorted(ranked["probability"].to_numpy(), probabilities)
    first = np.clip(num_lower - num_alike // 2, 0, ranked.height - num_alike)
    num_up_to = np.concatenate([[0], np.cumsum(ranked["label"].to_numpy())])
    num_abnormal = num_up_to[first + num_alike] - num_up_to[first]
    found = [
        binomtest(count, num_alike).proportion_ci(method="wilson") for count in range(num_alike + 1)
    ]
    low, high = np.array([[bounds.low, bounds.high] for bounds in found])[num_abnormal].T
    return {"low": pl.lit(pl.Series(low)), "high": pl.lit(pl.Series(high))}
