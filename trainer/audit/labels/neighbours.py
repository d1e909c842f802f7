"""Nearest studies of other patients in the embedding space of a frozen backbone."""

import numpy as np
import polars as pl

from trainer.features.heads import Matrix, standardize

NUM_NEIGHBOURS = 10


def average_studies(embeddings: Matrix, views: pl.DataFrame) -> tuple[pl.DataFrame, Matrix]:
    """Return one row per study, and the mean direction of its standardized embeddings.

    Args:
        embeddings: of views, float32 (views, n).

    Returns:
        `study_id`, `label`, `group`, sorted by study; and float32 (studies, n), rows of norm 1.
    """
    numbered = views.select("study_id", "label", "group").with_row_index("row").sort("study_id")
    studies = numbered.group_by("study_id", maintain_order=True).agg(
        pl.first("label"), pl.first("group"), num_views=pl.len()
    )
    features = standardize(embeddings).features[numbered["row"].to_numpy()]
    ends = studies["num_views"].to_numpy().cumsum()
    sums = np.add.reduceat(features, np.concatenate([[0], ends[:-1]]).astype(np.int64), axis=0)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return studies.drop("num_views"), sums / np.maximum(norms, np.finfo(np.float32).tiny)


def find_neighbours(
    study_ids: list[str], studies: pl.DataFrame, directions: Matrix
) -> dict[str, pl.DataFrame]:
    """Return, by study, the nearest 10 studies of other patient groups, by cosine similarity."""
    rows = {study: row for row, study in enumerate(studies["study_id"])}
    groups = studies["group"].to_numpy()
    found: dict[str, pl.DataFrame] = {}
    for study in study_ids:
        row = rows[study]
        similarity = np.where(groups == groups[row], -np.inf, directions @ directions[row])
        nearest = np.argsort(-similarity, kind="stable")[:NUM_NEIGHBOURS]
        found[study] = studies[nearest[np.isfinite(similarity[nearest])].tolist()]
    return found
