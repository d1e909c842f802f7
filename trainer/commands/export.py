"""Export the model of a saved run, with the image preprocessing included."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shared.console import note, say
from shared.errors import TrainingError, UsageError
from shared.images.prepare import prepare
from shared.processes.silenced import silenced
from shared.storage.atomic import PARTIAL_SUFFIX, explain_write
from shared.storage.store import as_path
from trainer.export.formats import FORMATS, Answer, Format
from trainer.export.graph import INPUT, build_graph
from trainer.export.preprocessing import check_exportable
from trainer.inference.study_predictions import check_outputs
from trainer.runs.saved_run import SavedRun

if TYPE_CHECKING:
    import keras

    from trainer.options import ExportOptions

_TOLERANCE = 1e-4
"""Largest accepted difference between the probabilities of an export and of its model."""
_SIDES_PX = ((512, 406), (331, 512), (97, 120), (640, 1024))
"""Heights and widths of the images that compare an export with its model: landscape, portrait, and
sizes below and above the longer side of 512 px in MURA."""


def export(options: ExportOptions, kept: SavedRun) -> None:
    """Write a run's model with its preprocessing, and verify that its predictions agree.

    The export gets its final name only after the verification.

    Raises:
        UsageError: the output path exists already.
        TrainingError: the preprocessing has no graph equivalent, a package is missing, the
            conversion fails, or the predictions differ.
        WriteError: the export cannot be written.
    """
    chosen = FORMATS[options.format]
    path = as_path("out", options.out) if options.out else kept.folder / chosen.name
    if os.path.lexists(path):
        raise UsageError(f"Expected a new file or folder. Received: out={path}, which exists")
    chosen.check_installed()
    check_exportable(kept.image)
    note(f"converting the model of {kept.folder} to {options.format}")
    # an interrupted export leaves nothing under the final name
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL_SUFFIX}")
    with explain_write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            model = kept.load_model()
            output = "probability" if model.output_shape[-1] == 1 else "class_probabilities"
            _convert(model, kept, output, chosen, partial)
            agreement = _verify(model, kept, chosen, partial)
            partial.rename(path)
        finally:
            # a SavedModel is a folder, the other formats are files
            shutil.rmtree(partial, ignore_errors=True)
            partial.unlink(missing_ok=True)
    say(f"{agreement}")
    say(
        f"takes {INPUT}: uint8 (batch, height, width, 1), grey, of any size; "
        f"gives {output}: float32 (batch, {model.output_shape[-1]})"
    )
    say(f"export: {path}")


def _convert(model: keras.Model, kept: SavedRun, output: str, chosen: Format, path: Path) -> None:
    try:
        with silenced():
            chosen.write(build_graph(model, kept.image, output), path)
    except OSError:
        raise
    except Exception as error:  # converters document no exception type
        raise TrainingError(
            f"Expected a model that can be converted to {chosen.name}. Received: "
            f"run={kept.folder}: {' '.join(str(error).split())[:300]}"
        ) from None


def _verify(model: keras.Model, kept: SavedRun, chosen: Format, path: Path) -> str:
    """Return a sentence on the largest difference between export and model.

    Raises:
        TrainingError: the difference exceeds the tolerance.
    """
    if not chosen.can_be_asked:
        return f"not compared with the model: no package {chosen.asks}"
    with silenced():
        difference = _compare(model, kept, chosen.open(path))
    # not `> _TOLERANCE`: comparisons with NaN are false
    if not difference <= _TOLERANCE:
        raise TrainingError(
            f"Expected an export that answers as its model, to {_TOLERANCE}. "
            f"Received: a difference of {difference:.2g}"
        )
    return f"answers as the model does on {len(_SIDES_PX)} sizes, to {difference:.1g}"


def _compare(model: keras.Model, kept: SavedRun, answer: Answer) -> float:
    """Return the largest difference in probability on synthetic images of several sizes."""
    generator, differences = np.random.default_rng(0), list[float]()
    for height_px, width_px in _SIDES_PX:
        y, x = np.mgrid[:height_px, :width_px]
        bone = 110 + 90 * np.sin(x / width_px * 9) * np.cos(y / height_px * 5)
        noisy = bone + generator.normal(0, 9, bone.shape)
        grey = noisy.clip(0, 255).astype(np.uint8)
        expected = model.predict_on_batch(prepare(grey, kept.image)[None, ..., None])
        check_outputs(expected, kept.folder)
        differences.append(float(np.abs(answer(grey[None, ..., None]) - expected).max()))
    # np.max propagates NaN; Python's max may drop it
    return float(np.max(differences))
