"""Predictions for views and studies, with intervals from held-out views with similar scores."""

from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import TrainingError
from trainer.data.target import abnormal_probability
from trainer.evaluation.decisions.calibration import calibrate
from trainer.evaluation.decisions.decision import Rule
from trainer.evaluation.scored_table import levels, study_probability
from trainer.inference.novelty import UNLIKE_PERCENTILE
from trainer.runs.saved.saved_run import SavedRun

# Held-out rows with similar scores for one interval. With 40 the interval is about 0.3 wide; more
# rows would include less similar scores.
_NUM_ALIKE = 40
# with fewer held-out rows no interval is given
_MIN_HELD_OUT = 20
# accepted error in the sum of a softmax, in float32 or in the float16 of a GPU
_TOLERANCE = 1e-3


def predict_studies(
    saved_run: SavedRun,
    views: pl.DataFrame,
    outputs: npt.NDArray[np.float32],
    percentiles: npt.NDArray[np.float64],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a run's predictions for views and for studies.

    A study's probability is that of the mean logit of its views. `low` and `high` are the
    95 % Wilson interval (Wilson 1927, JASA 22:209) of the share of abnormal rows among the 40
    held-out views, or studies, with the most similar scores. With fewer than 80 held-out rows, half
    of them are used; with fewer than 20, `low` and `high` are null.

    Args:
        views: one row per view, with the columns `path`, `study` and `note`.
        outputs: model outputs for these views, (rows, n).
        percentiles: of their distances from the training views, (rows,); NaN if unknown.

    Returns:
        Two tables, one row per view with `path`, `study` and `note`, and one row per study with
        `study` and `num_views`. Both have `probability`, `calibrated_probability`, `low`, `high`,
        `threshold`, `calibrated_threshold` and `decision`: normal or abnormal, at the threshold.
        Views also have `distance_percentile` and `unlike`, null if unknown.
    """
    check_outputs(outputs, saved_run.folder)
    views_table = views.select("path", "study", "note").with_columns(
        probability=abnormal_probability(outputs)
    )
    studies = views_table.group_by("study", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("num_views"), study_probability().alias("probability")
    )
    decision = saved_run.decision
    rows = saved_run.scored.filter(model=decision.model, role=decision.learnt_on)
    held_out = dict(levels(rows))
    tables = (
        _decide(rows, decision.rule(level), held_out[level])
        for level, rows in (("view", views_table), ("study", studies))
    )
    by_view, by_study = tables
    percentile = pl.Series(percentiles).fill_nan(None)
    unlike = percentile >= UNLIKE_PERCENTILE
    return by_view.with_columns(distance_percentile=percentile, unlike=unlike), by_study


def check_outputs(outputs: npt.NDArray[np.float32], folder: Path) -> None:
    """Raise TrainingError for outputs that are not probabilities, or classes without sum 1."""
    # NaN would count as below every threshold
    is_probability = (outputs >= 0) & (outputs <= 1)
    if outputs.shape[1] > 1:
        is_probability &= np.abs(outputs.sum(axis=1, keepdims=True) - 1) <= _TOLERANCE
    if not is_probability.all():
        raise TrainingError(
            "Expected probabilities from the model of a run. "
            f"Received: {outputs[~is_probability][0]:g} from run={folder}"
        )


def _decide(rows: pl.DataFrame, rule: Rule, held_out: pl.DataFrame) -> pl.DataFrame:
    probabilities = rows["probability"].to_numpy()
    abnormal = pl.col("probability") >= rule.threshold
    return rows.with_columns(
        calibrated_probability=pl.lit(pl.Series(calibrate(probabilities, rule.temperature))),
        **_bound(probabilities, held_out),
        threshold=pl.lit(rule.threshold),
        calibrated_threshold=pl.lit(rule.calibrated_threshold),
        decision=pl.when(abnormal).then(pl.lit("abnormal")).otherwise(pl.lit("normal")),
    )


def _bound(
    probabilities: npt.NDArray[np.float64], held_out: pl.DataFrame
) -> dict[str, pl.Series | pl.Expr]:
    if held_out.height < _MIN_HELD_OUT:
        return {name: pl.lit(None, pl.Float64) for name in ("low", "high")}
    ranked = held_out.sort("probability")
    # with all rows, the interval would be the prevalence, regardless of the prediction
    num_alike = min(_NUM_ALIKE, ranked.height // 2)
    num_lower = np.searchsorted(ranked["probability"].to_numpy(), probabilities)
    first = np.clip(num_lower - num_alike // 2, 0, ranked.height - num_alike)
    # differences of cumulative sums count the abnormal rows in each window
    num_up_to = np.concatenate([[0], np.cumsum(ranked["label"].to_numpy())])
    num_abnormal = num_up_to[first + num_alike] - num_up_to[first]
    low, high = _wilson_interval(num_abnormal, num_alike)
    return {"low": pl.lit(pl.Series(low)), "high": pl.lit(pl.Series(high))}


def _wilson_interval(successes: npt.NDArray[np.int64], trials: int) -> npt.NDArray[np.float64]:
    """Return the 95 % Wilson interval of each share, (2, n); see `predict_studies`."""
    # `scipy.stats` has it too, but takes longer to import than a prediction
    share, excess = successes / trials, NormalDist().inv_cdf(0.975) ** 2 / trials
    centre = share + excess / 2
    half = np.sqrt(share * (1 - share) * excess + (excess / 2) ** 2)
    # rounding can exceed the bounds
    return np.clip(np.array([centre - half, centre + half]) / (1 + excess), 0, 1)
