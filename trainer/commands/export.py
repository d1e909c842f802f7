"""Export the model of a saved run, with the image preprocessing included."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared.console import note, say
from shared.errors import TrainingError
from shared.images.preprocessing.prepare import prepare
from shared.storage.atomic import convert_write_errors
from shared.storage.store import as_path
from trainer.export.formats import FORMATS, INPUT, Format, PredictFunction, build_graph
from trainer.export.preprocessing import check_exportable
from trainer.inference.study_predictions import check_outputs
from trainer.keras_import import keras
from trainer.runs.new_path import new_path
from trainer.runs.saved.saved_run import SavedRun
from trainer.silenced import silenced

if TYPE_CHECKING:
    from trainer.options import ExportOptions

# largest accepted difference between the probabilities of an export and of its model
_TOLERANCE = 1e-4
# heights and widths of the images that compare an export with its model: landscape, portrait, and
# sizes below and above the longer side of 512 px in MURA
_SIDES_PX = ((512, 406), (331, 512), (97, 120), (640, 1024))


def export(options: ExportOptions, saved_run: SavedRun) -> None:
    """Write a run's model with its preprocessing, and verify that its predictions agree.

    Raises:
        TrainingError: the preprocessing has no graph equivalent, a package is missing, the
            conversion fails, or the predictions differ.
    """
    format_ = FORMATS[options.format]
    path = as_path("out", options.out) if options.out else saved_run.folder / format_.name
    format_.check_installed()
    check_exportable(saved_run.image)
    # renamed after the verification: an interrupted or wrong export never has the final name
    with new_path(path) as partial, convert_write_errors(path):
        note(f"converting the model of {saved_run.folder} to {options.format}")
        model: Any = saved_run.load_model()  # keras has no stubs
        output = "probability" if model.output_shape[-1] == 1 else "class_probabilities"
        _convert(model, saved_run, output, format_, partial)
        comparison = _verify(model, saved_run, format_, partial)
    say(comparison)
    say(f"input {INPUT}: uint8 (batch, height, width, 1), grey, any height and width")
    say(f"output {output}: float32 (batch, {model.output_shape[-1]})")
    say(f"export: {path}")


def _convert(
    model: keras.Model, saved_run: SavedRun, output: str, format_: Format, path: Path
) -> None:
    try:
        with silenced():
            format_.write(build_graph(model, saved_run.image, output), path)
    except OSError:
        # a failed write, not a failed conversion
        raise
    except Exception as error:  # converters document no exception type
        raise TrainingError(
            f"Expected a model that can be converted to {format_.name}. Received: "
            f"run={saved_run.folder}: {' '.join(str(error).split())[:300]}"
        ) from None


def _verify(model: keras.Model, saved_run: SavedRun, format_: Format, path: Path) -> str:
    if not format_.is_runnable:
        return f"not compared with the model, because {format_.runtime} is not installed"
    with silenced():
        difference = _compare(model, saved_run, format_.open(path))
    # not `> _TOLERANCE`: comparisons with NaN are false
    if not difference <= _TOLERANCE:
        raise TrainingError(
            f"Expected probabilities within {_TOLERANCE} of the model's. "
            f"Received: a difference of {difference:.2g}"
        )
    return f"largest difference from the model on {len(_SIDES_PX)} images: {difference:.1g}"


def _compare(model: Any, saved_run: SavedRun, predict: PredictFunction) -> float:
    """Return the largest difference in probability on synthetic images of several sizes."""
    generator, differences = np.random.default_rng(0), list[float]()
    for height_px, width_px in _SIDES_PX:
        y, x = np.mgrid[:height_px, :width_px]
        bone: npt.NDArray[np.float64] = 110 + 90 * np.sin(x / width_px * 9) * np.cos(
            y / height_px * 5
        )
        grey = np.clip(bone + generator.normal(0, 9, bone.shape), 0, 255).astype(np.uint8)
        expected = model.predict_on_batch(prepare(grey, saved_run.image)[None, ..., None])
        check_outputs(expected, saved_run.folder)
        differences.append(float(np.abs(predict(grey[None, ..., None]) - expected).max()))
    # np.max propagates NaN; Python's max may drop it
    return float(np.max(differences))
