"""References of unlike images: the features of a sample of the training views, and distances."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from trainer.data.split import FitPlan
from trainer.inference.borders import measure_borders
from trainer.inference.litert import LiteRtModel
from trainer.inference.novelty import (
    UNLIKE_PERCENTILE,
    Floats,
    Matrix,
    Reference,
    measure_distances,
    normalize,
)
from trainer.inference.predictor import infer
from trainer.runs.run_folder import LITERT_FILE

_NUM_FOLDS = 5
# bounds of the sample: on 598 radiographs, 256 views find as many unlike images as all views, and
# 128 views find fewer
_MAX_VIEWS, _MAX_BYTES = 256, 900_000
# bound of the sample of borders, and views that are read at a time
_MAX_BORDERS, _CHUNK_VIEWS = 1000, 64
# images of noise, and the share of them that must be unlike
_NUM_NOISE, _MIN_SHARE = 32, 0.9


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
    directions = normalize(features)
    distances = np.empty(len(features))
    for fold in range(_NUM_FOLDS):
        is_own = folds == fold
        others = _sample(directions[~is_own], rng)
        distances[is_own] = measure_distances(directions[is_own], others)
    return Reference(_sample(directions, rng), distances)


def fit_trained_reference(folder: Path, lake: Lake, plan: FitPlan, seed: int) -> Reference | None:
    """Return the reference of a network that was trained on the images of a plan.

    Its features differ between the views that it was fitted to and new views. So the distances are
    those of the validation views, from a sample of the train views.

    Returns:
        None if the run has no model for LiteRT, if the validation views are of fewer than five
        groups, or if the features do not tell noise from radiographs.

    Raises:
        CorruptLakeError: the record of a view is damaged.
    """
    path = folder / LITERT_FILE
    if not path.exists() or plan.validation["group"].n_unique() < _NUM_FOLDS:
        return None
    model, rng = LiteRtModel(path.read_bytes()), np.random.default_rng(seed)

    def embed(views: pl.DataFrame) -> Matrix:
        with ViewReader(lake, views) as reader:
            return infer(model, reader, "compare", output=1)

    # not all train views, which would take minutes
    rows = rng.permutation(plan.train.height)[:_MAX_VIEWS]
    directions = _sample(normalize(embed(plan.train[rows])), rng)
    reference = Reference(directions, np.empty(0))
    distances = reference.measure(embed(plan.validation))
    limit = np.percentile(distances, UNLIKE_PERCENTILE)
    noise = rng.integers(0, 256, (_NUM_NOISE, *model.input_shape[1:]), np.uint8)
    ((_, features),) = model.predict_batches([noise])
    is_unlike = reference.measure(features) > limit
    return Reference(directions, distances) if is_unlike.mean() >= _MIN_SHARE else None


def read_borders(lake: Lake, views: pl.DataFrame, seed: int) -> Floats:
    """Return the grey levels of the borders of a sample of views; see `measure_borders`.

    Raises:
        CorruptLakeError: the record of a view is damaged.
    """
    rows = np.random.default_rng(seed).permutation(views.height)[:_MAX_BORDERS]
    with ViewReader(lake, views[np.sort(rows)]) as reader:
        chunks = np.array_split(np.arange(len(reader)), -(-len(reader) // _CHUNK_VIEWS))
        return np.concatenate([measure_borders(reader.read(chunk)) for chunk in chunks])


def _sample(directions: Matrix, rng: np.random.Generator) -> Matrix:
    num_views = min(_MAX_VIEWS, _MAX_BYTES // (directions.shape[1] * 2))
    rows = np.sort(rng.permutation(len(directions))[:num_views])
    # as in the file
    return normalize(directions[rows].astype(np.float16).astype(np.float32))
