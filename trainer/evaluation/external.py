"""The content of `metrics.json` of `evaluate`: a finished model on another set."""

from dataclasses import asdict
from functools import partial
from typing import Any

import polars as pl

from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.decisions.recalibration import NUM_FITS, assess_calibration
from trainer.evaluation.estimates import estimate
from trainer.evaluation.metrics import measure_by_part
from trainer.evaluation.results import describe_bootstrap
from trainer.evaluation.scored_table import levels


def evaluate_set(
    scored: pl.DataFrame, decision: Decision, overlap: dict[str, int], seed: int
) -> dict[str, Any]:
    """Return the metrics of a set that the run did not learn from.

    Args:
        overlap: as from `trainer.runs.saved.training_views.count_overlap`.

    Returns:
        `bootstrap`: method of the intervals; `decision`; `overlap`;
        `evaluation`: results of `estimate` by body part;
        `calibration`: by level, results of `assess_calibration`, on all body parts.
    """
    return {
        "bootstrap": {**describe_bootstrap(seed), "num_resamples_calibration": NUM_FITS},
        "decision": asdict(decision),
        "overlap": overlap,
        "evaluation": measure_by_part(scored, partial(estimate, decision=decision, seed=seed)),
        "calibration": {
            level: assess_calibration(rows, decision.rule(level), seed)
            for level, rows in levels(scored)
        },
    }
