"""Novelty of a view: the distance of its features from those of the views of training.

The method is that of Sun et al. 2022 (https://arxiv.org/abs/2204.06507), with one neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.storage.parquet import read_table
from trainer.runs.results_writer import write_table
from trainer.runs.run_folder import REFERENCE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shared.images.pixels import Pixels
    from trainer.inference.predictor import Predictor
    from trainer.runs.saved.run_files import RunFiles

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

REFERENCE_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "distance": pl.Float32,
    "features": pl.List(pl.Float16),
}
"""Columns of `reference.parquet`, one row per view that the model was fitted to. `distance`: from
views of other patients; `features`: of a random sample of the views, otherwise null."""
UNLIKE_PERCENTILE = 99.0
"""A view is unlike the training views from this percentile on: at most 1 % of new views from the
same source are."""
UNLIKE = "unlike anything this model was trained on"

_NUM_FOLDS = 5
# bounds of the sample: on 598 radiographs, 256 views find as many unlike images as all views, and
# 128 views find fewer
_MAX_VIEWS, _MAX_BYTES = 256, 900_000


@dataclass(frozen=True)
class Reference:
    """The views that new views are compared with.

    Attributes:
        directions: features of a sample of the training views, rows of norm 1, float32 (sample, n).
        distances: of each training view from a sample of other patients' views, (views,).
    """

    directions: Matrix
    distances: Floats

    def measure(self, features: Matrix) -> Floats:
        """Return the distance of each view from the nearest one of the sample, (rows,).

        Args:
            features: by the backbone of the model, float32 (rows, n).
        """
        return _measure(_normalize(features), self.directions)

    def rate(self, distances: Floats) -> Floats:
        """Return the percentile of distances among those of the training views, 0 to 100, (rows,).

        For a new view from the source of the training views, it is uniformly distributed, as a
        conformal p-value (Vovk et al. 2005, Algorithmic Learning in a Random World).
        """
        num_closer = np.searchsorted(np.sort(self.distances), distances)
        return 100 * num_closer / (len(self.distances) + 1)


def fit_reference(features: Matrix, groups: npt.NDArray[np.int64], seed: int) -> Reference | None:
    """Return the reference of training views; None if they are of fewer than five groups.

    The distances are measured out of fold: from a sample of the views of other groups.

    Args:
        features: by the frozen backbone, float32 (views, n).
    """
    _, group = np.unique(groups, return_inverse=True)
    num_groups = int(group.max(initial=-1)) + 1
    if num_groups < _NUM_FOLDS:
        return None
    rng = np.random.default_rng(seed)
    folds = (rng.permutation(num_groups) % _NUM_FOLDS)[group]
    directions = _normalize(features)
    distances = np.empty(len(features))
    for fold in range(_NUM_FOLDS):
        is_own = folds == fold
        others = _sample(directions[~is_own], rng)
        distances[is_own] = _measure(directions[is_own], others)
    return Reference(_sample(directions, rng), distances)


def write_reference(folder: Path, reference: Reference) -> None:
    """Write `reference.parquet` into a run folder.

    Raises:
        WriteError: the file cannot be written.
    """
    sample = pl.Series(reference.directions.astype(np.float16)).arr.to_list()
    others = sample.clear(len(reference.distances) - len(sample))
    columns = {"distance": reference.distances, "features": sample.append(others)}
    write_table(folder / REFERENCE_FILE, pl.DataFrame(columns, REFERENCE_SCHEMA))


def read_reference(files: RunFiles, num_features: int) -> Reference | None:
    """Return the reference of a run; None if the run has none, or its model yields no features.

    Raises:
        TrainingError: the file is missing, damaged, or of other features than those of the model.
    """
    if not num_features or REFERENCE_FILE not in (files.digests or ()):
        return None
    return files.parse(REFERENCE_FILE, partial(_parse, num_features=num_features))


def predict_with_novelty(
    predictor: Predictor, reference: Reference | None, batches: Iterable[Pixels]
) -> Iterator[tuple[Matrix, Floats]]:
    """Yield the outputs of each batch, (rows, n), and the percentiles of `Reference.rate`, (rows,).

    The percentiles are NaN without a reference.
    """
    for outputs, *features in predictor.predict_all(batches):
        if reference:
            yield outputs, reference.rate(reference.measure(features[0]))
        else:
            yield outputs, np.full(len(outputs), np.nan)


def _parse(encoded: bytes, num_features: int) -> Reference:
    table = read_table(encoded, REFERENCE_SCHEMA)
    sample = table["features"].drop_nulls()
    lengths = sample.list.len().unique().sort().to_list()
    if lengths != [num_features]:
        raise ValueError(f"Expected lists of {num_features} features. Received: lengths {lengths}")
    features = sample.explode().to_numpy().reshape(len(sample), -1).astype(np.float32)
    distances = table["distance"].to_numpy().astype(np.float64)
    if not (np.isfinite(features).all() and np.isfinite(distances).all()):
        raise ValueError("Expected finite features and distances")
    return Reference(_normalize(features), distances)


def _sample(directions: Matrix, rng: np.random.Generator) -> Matrix:
    num_views = min(_MAX_VIEWS, _MAX_BYTES // (directions.shape[1] * 2))
    rows = np.sort(rng.permutation(len(directions))[:num_views])
    # as in the file
    return _normalize(directions[rows].astype(np.float16).astype(np.float32))


def _normalize(features: Matrix) -> Matrix:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norms, np.finfo(np.float32).tiny)


def _measure(directions: Matrix, sample: Matrix) -> Floats:
    """Return the distance of each direction from the nearest one of a sample, 0 to 2, (rows,)."""
    nearest = (directions @ sample.T).max(axis=1).astype(np.float64)
    return np.sqrt(np.maximum(2 - 2 * nearest, 0))
