"""Comparison of candidates by their out-of-fold metrics: by fold, mean and spread."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from trainer.evaluation.metrics import Measures, measure

COMPARED = {"view_auroc": "View AUROC", "study_kappa": "Study kappa"}
"""The metrics that candidates are compared by, and their names in tables."""


def by_model(scored: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the rows of each model of a scored table, in order of first appearance."""
    models: list[str] = scored["model"].unique(maintain_order=True).to_list()
    return {model: scored.filter(model=model) for model in models}


def measure_folds(scored: pl.DataFrame) -> list[Measures]:
    """Return the metrics of each fold, as from `measure`, with its number as `fold`.

    Args:
        scored: out-of-fold predictions of one model.
    """
    folds: list[int] = sorted(scored["fold"].unique())
    return [{"fold": fold, **measure(scored.filter(fold=fold))} for fold in folds]


def summarize(folds: Sequence[Measures]) -> dict[str, dict[str, float | None]]:
    """Return `mean` and `spread` over folds of each metric in `COMPARED`.

    The spread is the sample standard deviation, None for fewer than two values. Folds without a
    defined value are left out.
    """
    return {key: _summarize([fold[key] for fold in folds]) for key in COMPARED}


def _summarize(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "spread": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    }
