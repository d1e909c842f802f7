"""Example folds: balance of a cross-validation of this lake."""

import polars as pl

from trainer.data.dataset import exclude_test_overlap
from trainer.data.split import draw_folds
from trainer.eda.counts import count_by_part


def balance(manifest: pl.DataFrame, k: int, seed: int) -> pl.DataFrame:
    """Count the held-out views of each fold of `just cv part=all` with the same `k` and `seed`.

    Args:
        manifest: manifest of a lake; folds are drawn from train, without patients of valid.

    Returns:
        `fold` (from 1), `body_part` (with `all`), `views`, `studies`, `patients`,
        `abnormal_views`, `abnormal_share`.

    Raises:
        TrainingError: there are too few groups, or a fold would lack a label.
    """
    train, _ = exclude_test_overlap(manifest)
    counts = [
        count_by_part(fold.held_out).filter(split="train").with_columns(fold=pl.lit(number))
        for number, fold in enumerate(draw_folds(train, k, seed), 1)
    ]
    return pl.concat(counts).select("fold", pl.all().exclude("fold", "split"))
