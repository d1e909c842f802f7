"""Predictions for the uploaded views of a study, with optional heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from shared.errors import ImageError
from shared.images.pixels import Pixels
from shared.images.prepare import prepare
from shared.processes.limited_process import LimitedProcesses
from trainer.inference.study_predictions import predict_studies
from trainer.keras_import import import_keras
from trainer.predict.output_formats import Predictions
from trainer.runs.saved_run import SavedRun
from trainer.serve.reasons import describe
from trainer.serve.uploads import Upload

if TYPE_CHECKING:
    from trainer.explain.layer_cam import LayerCam

_ONE_STUDY = "study"


@dataclass(frozen=True)
class StudyResult:
    """The predictions for a study.

    Attributes:
        predictions: predictions for views and study, as from `predict`.
        pictures: if requested, two pictures of each readable view: the preprocessed image,
            (size, size), and this image with its heat map, RGB, (size, size, 3).
    """

    predictions: Predictions
    pictures: Sequence[tuple[Pixels, Pixels]]


class StudyPredictor:
    """Predicts for one study at a time with the model of a run.

    Args:
        saved_run: the run of the model.
        decode_s: maximum seconds to decode one view.
    """

    def __init__(self, saved_run: SavedRun, decode_s: float):
        self.saved_run, self.is_ready = saved_run, False
        self._decoder = LimitedProcesses("trainer.inference.image_input:decode_grey", decode_s)
        self._model: Any = None
        self._layer_cam: LayerCam | None = None

    def load(self) -> None:
        """Start the decoder and TensorFlow, load the model, and trace it with a blank view.

        Raises:
            TrainingError: the model file is damaged.
        """
        self._decoder.start()
        import_keras()

        from trainer.explain.layer_cam import LayerCam

        self._model = self.saved_run.load_model()
        self._layer_cam = LayerCam(self._model)
        size_px = self.saved_run.image.size
        blank = np.zeros((1, size_px, size_px, 1), np.uint8)
        self._model.predict_on_batch(blank)
        self._layer_cam.explain(blank)
        self.is_ready = True

    def close(self) -> None:
        """Stop the decoder's process; callable from any thread."""
        self._decoder.close()

    def predict(self, uploads: Sequence[Upload], with_pictures: bool) -> StudyResult:
        """Return the predictions for one study, and the unreadable views."""
        images: list[Pixels] = []
        file_names: list[str] = []
        unread: list[tuple[str, str, str, str]] = []
        for upload in uploads:
            try:
                images.append(prepare(self._decoder.decode(upload.content), self.saved_run.image))
                file_names.append(upload.name)
            except ImageError as error:
                unread.append((upload.name, _ONE_STUDY, error.reason, describe(error.reason)))
            except MemoryError:
                # the decoder was killed, as the kernel does if memory runs out
                unread.append((upload.name, _ONE_STUDY, "too_large", describe("too_large")))
            # free the file's bytes: only the pixels are needed
            upload.content.clear()
        table = pl.DataFrame({"path": file_names}, {"path": pl.String})
        views, studies = predict_studies(
            self.saved_run, table.with_columns(study=pl.lit(_ONE_STUDY)), self._run_model(images)
        )
        unread_table = pl.DataFrame(
            unread, dict.fromkeys(("path", "study", "reason", "detail"), pl.String), orient="row"
        )
        predictions = Predictions(self.saved_run.folder.name, views, studies, unread_table)
        return StudyResult(predictions, self._explain(images) if with_pictures else ())

    def _run_model(self, images: Sequence[Pixels]) -> Any:
        if not images:
            return np.empty((0, self._model.output_shape[-1]), np.float32)
        return np.asarray(self._model.predict_on_batch(np.stack(images)[..., None]), np.float32)

    def _explain(self, images: Sequence[Pixels]) -> list[tuple[Pixels, Pixels]]:
        if not images or not self._layer_cam:
            return []

        from trainer.explain.overlay import overlay

        heat_maps = self._layer_cam.explain(np.stack(images)[..., None])
        return [
            (image, overlay(image, heat_map, 1.0))
            for image, heat_map in zip(images, heat_maps, strict=True)
        ]
