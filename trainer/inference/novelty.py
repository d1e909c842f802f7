"""Novelty of a view: the distance of its features from those of the views of training.

The method is that of Sun et al. 2022 (https://arxiv.org/abs/2204.06507), with one neighbour.
Inverted radiographs have similar features, but a bright border, so borders are compared too.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.images.pixels import Pixels
from shared.storage.parquet import read_table
from trainer.inference.borders import measure_borders
from trainer.inference.predictor import Predictor
from trainer.runs.results_writer import write_table
from trainer.runs.run_folder import REFERENCE_FILE
from trainer.runs.saved.run_files import RunFiles

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

REFERENCE_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "distance": pl.Float32,
    "features": pl.List(pl.Float16),
    "border": pl.Float32,
}
"""Columns of `reference.parquet`. `distance`: of views from the training views of other patients;
`features`: of a random sample of the training views; `border`: grey levels of `measure_borders`, of
another sample. Shorter columns end in nulls."""
UNLIKE_PERCENTILE = 99.0
"""A view is unlike the training views from this percentile on: at most 1 % of new views from the
same source are."""
UNLIKE = "unlike anything this model was trained on"


@dataclass(frozen=True)
class Reference:
    """The views that new views are compared with.

    Attributes:
        directions: features of a sample of the training views, rows of norm 1, float32 (sample, n).
        distances: of views of the same source from a sample of other patients' training views,
            (views,).
        borders: grey levels of the borders of training views; empty without a comparison.
    """

    directions: Matrix
    distances: Floats
    borders: Floats = field(default_factory=lambda: np.empty(0))

    def measure(self, features: Matrix) -> Floats:
        """Return the distance of each view from the nearest one of the sample, (rows,).

        `features`, float32 (rows, n), are those before the head of the model.
        """
        return measure_distances(normalize(features), self.directions)

    def rate(self, distances: Floats) -> Floats:
        """Return the percentile of distances among those of the reference, 0 to 100, (rows,).

        For a new view from the source of the training views, it is uniformly distributed, as a
        conformal p-value (Vovk et al. 2005, Algorithmic Learning in a Random World).
        """
        return _rate(distances, self.distances)


def write_reference(folder: Path, reference: Reference) -> None:
    """Write `reference.parquet` into a run folder."""
    columns = {
        "distance": reference.distances,
        "features": pl.Series(reference.directions.astype(np.float16)).arr.to_list(),
        "border": reference.borders,
    }
    tables = [
        pl.DataFrame({name: column}, {name: REFERENCE_SCHEMA[name]})
        for name, column in columns.items()
    ]
    write_table(folder / REFERENCE_FILE, pl.concat(tables, how="horizontal_extend"))


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
    """Yield the outputs of each batch, (rows, n), and the percentiles of its views, (rows,).

    A percentile is the higher one of those of distance and border; NaN without a reference. The
    first batch is empty, so that there is one to concatenate even without views.
    """
    yield np.empty((0, predictor.num_outputs), np.float32), np.empty(0)
    # some batches are predicted in advance
    borders: deque[Floats] = deque()

    def measure_each() -> Iterator[Pixels]:
        for images in batches:
            borders.append(measure_borders(images))
            yield images

    for outputs, *features in predictor.predict_batches(measure_each() if reference else batches):
        if reference:
            percentiles = reference.rate(reference.measure(features[0]))
            yield outputs, np.maximum(percentiles, _rate(borders.popleft(), reference.borders))
        else:
            yield outputs, np.full(len(outputs), np.nan)


def _rate(values: Floats, known: Floats) -> Floats:
    return 100 * np.searchsorted(np.sort(known), values) / (len(known) + 1)


def _parse(encoded: bytes, num_features: int) -> Reference:
    table = read_table(encoded, REFERENCE_SCHEMA)
    sample = table["features"].drop_nulls()
    lengths = sample.list.len().unique().sort().to_list()
    if lengths != [num_features]:
        raise ValueError(f"Expected lists of {num_features} features. Received: lengths {lengths}")
    features = sample.explode().to_numpy().reshape(len(sample), -1).astype(np.float32)
    distances = table["distance"].drop_nulls().to_numpy().astype(np.float64)
    borders = table["border"].drop_nulls().to_numpy().astype(np.float64)
    if not all(np.isfinite(values).all() for values in (features, distances, borders)):
        raise ValueError("Expected finite features, distances and borders")
    return Reference(normalize(features), distances, borders)


def normalize(features: Matrix) -> Matrix:
    """Return the features of each view at length 1, float32 (rows, n)."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norms, np.finfo(np.float32).tiny)


def measure_distances(directions: Matrix, sample: Matrix) -> Floats:
    """Return the distance of each direction from the nearest one of a sample, 0 to 2, (rows,)."""
    nearest = (directions @ sample.T).max(axis=1).astype(np.float64)
    return np.sqrt(np.maximum(2 - 2 * nearest, 0))
