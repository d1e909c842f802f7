"""The file `model.tflite` of a run: its model for LiteRT, with the same predictions as Keras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from shared.console import note
from shared.errors import TrainingError
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from shared.storage.atomic import write_atomically
from trainer.data.target import abnormal_probability
from trainer.inference.conversion import convert
from trainer.inference.litert import LiteRtModel
from trainer.inference.litert_heads import add_heads
from trainer.inference.predictor import infer
from trainer.keras_import import keras
from trainer.models.ensemble import add_features
from trainer.runs.run_folder import LITERT_FILE

# enough views for a comparison: an error of the conversion changes the outputs of all views
NUM_COMPARED = 8
# accepted difference in probability; other orders of float32 sums differ by 1e-7 to 1e-5
_TOLERANCE = 1e-4


def write_litert(
    folder: Path, model: keras.Model, backbone: bytes, lake: Lake, expected: pl.DataFrame
) -> None:
    """Write a model into a run folder for LiteRT, if its predictions are the same.

    Args:
        backbone: the converted backbone of the model; empty if there is none.
        expected: predictions of the model for some views, `view_id` and `probability`.
    """
    try:
        # the conversion of a whole model takes seconds
        content = add_heads(backbone, model) if backbone else convert(add_features(model))
        _compare(content, lake, expected)
    except (TrainingError, ValueError) as error:
        note(f"predictions from this run will need TensorFlow: {error}")
        # an interrupted process may have written the file of another model
        (folder / LITERT_FILE).unlink(missing_ok=True)
        return
    write_atomically(folder / LITERT_FILE, content)


def _compare(content: bytes, lake: Lake, expected: pl.DataFrame) -> None:
    known = expected.select("view_id", "probability")
    rows = known.join(lake.manifest, on="view_id", maintain_order="left")
    with ViewReader(lake, rows) as reader:
        model = LiteRtModel(content)
        outputs = infer(model, reader, "compare")
    differences = np.abs(abnormal_probability(outputs) - rows["probability"].to_numpy())
    # not `> _TOLERANCE`: comparisons with NaN are false
    if not (difference := differences.max(initial=0)) <= _TOLERANCE:
        raise TrainingError(
            f"Expected the probabilities of the run within {_TOLERANCE} from LiteRT. "
            f"Received: a difference of {difference:.1g}"
        )
