"""Comparison: what candidates are worth out of fold: fold by fold, mean and spread, and pooled."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from trainer.evaluation.metrics import Measures, measure

COMPARED = {"view_auroc": "View AUROC", "study_kappa": "Study kappa"}
"""The measures that candidates are compared by, and what tables call them."""


def by_model(scored: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the rows of each model of a scored table, in the order in which they come."""
    models: list[str] = scored["model"].unique(maintain_order=True).to_list()
    return {model: scored.filter(model=model) for model in models}


def measure_folds(scored: pl.DataFrame) -> list[Measures]:
    """Return what `trainer.evaluation.metrics.measure` says of each fold, with its `fold`.

    Args:
        scored: predictions of one model out of fold.
    """
    folds: list[int] = sorted(scored["fold"].unique())
    return [{"fold": fold, **measure(scored.filter(fold=fold))} for fold in folds]


def summarize(folds: Sequence[Measures]) -> dict[str, dict[str, float | None]]:
    """Return, by key of `COMPARED`, `mean` and `spread` over folds in which it is defined.

    The spread is the standard deviation of a sample; None where there are not two folds.
    """
    return {key: _summarize([fold[key] for fold in folds]) for key in COMPARED}


def _summarize(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "spread": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    }
