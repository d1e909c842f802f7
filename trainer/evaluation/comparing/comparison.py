"""Comparison of candidates by their out-of-fold metrics: by fold, mean and spread."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from trainer.evaluation.metrics import Measures, choose, measure

# the metrics that candidates are compared by, and their names in tables
COMPARED = {"view_auroc": "View AUROC", "study_kappa": "Study kappa"}


def by_model(scored: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the rows of each model of a scored table, in order of first appearance."""
    models: list[str] = scored["model"].unique(maintain_order=True).to_list()
    return {model: scored.filter(model=model) for model in models}


def choose_nested(out_of_fold: pl.DataFrame) -> pl.DataFrame:
    """Return the predictions of a nested choice: each fold's candidate is chosen on the others."""
    # The score of the best of several candidates is too high, because the choice used the same
    # predictions (Cawley & Talbot 2010, J. Mach. Learn. Res. 11:2079). So no fold takes part in the
    # choice of its own candidate.
    own: list[pl.DataFrame] = []
    folds: list[int] = sorted(out_of_fold["fold"].unique())
    for fold in folds:
        others = by_model(out_of_fold.filter(pl.col("fold") != fold))
        best = choose({model: measure(rows) for model, rows in others.items()})
        own.append(out_of_fold.filter(fold=fold, model=best))
    return pl.concat(own)


def measure_folds(scored: pl.DataFrame) -> list[Measures]:
    """Return the metrics of each fold, as from `measure`, with its number as `fold`."""
    folds: list[int] = sorted(scored["fold"].unique())
    return [{"fold": fold, **measure(scored.filter(fold=fold))} for fold in folds]


def summarize(folds: Sequence[Measures]) -> dict[str, dict[str, float | None]]:
    """Return `mean` and `spread` (sample standard deviation) of each metric in `COMPARED`.

    Folds without a defined value are left out; too few of them give None.
    """
    return {key: _summarize([fold[key] for fold in folds]) for key in COMPARED}


def _summarize(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "spread": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    }
