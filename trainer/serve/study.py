"""Predictions for the uploaded views of a study."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels
from trainer.inference.novelty import Reference, predict_with_novelty, read_reference
from trainer.inference.predictor import Predictor, open_predictor
from trainer.inference.study_predictions import predict_studies
from trainer.options import ServeOptions
from trainer.predict.output_formats import Predictions
from trainer.runs.saved.saved_run import SavedRun
from trainer.serve.upload.decoding import ViewDecoder
from trainer.serve.upload.uploads import Upload


@dataclass(frozen=True)
class StudyResult:
    """The predictions for a study, and the preprocessed image of each readable view."""

    predictions: Predictions
    images: Sequence[Pixels]


class StudyPredictor:
    """Predicts for one study at a time with the model of a run."""

    def __init__(self, saved_run: SavedRun, decoder: ViewDecoder, options: ServeOptions):
        self.saved_run, self.is_ready = saved_run, False
        self._decoder, self._options = decoder, options
        self._model: Predictor | None = None
        self._reference: Reference | None = None

    def load(self) -> None:
        """Start the decoder, load the model, and predict a blank view."""
        self._decoder.start()
        options = self._options
        self._model = open_predictor(self.saved_run, options.engine, options.max_views)
        self._reference = read_reference(self.saved_run.files, self._model.num_features)
        size_px = self.saved_run.image.size
        # Keras traces the model with its first images
        self._run_model([np.zeros((size_px, size_px), np.uint8)])
        self.is_ready = True

    def predict(self, uploads: Sequence[Upload]) -> StudyResult:
        """Return the predictions for one study, and the unreadable views."""
        views = self._decoder.decode(uploads)
        predicted, studies = predict_studies(
            self.saved_run, views.table, *self._run_model(views.images)
        )
        run = self.saved_run.folder.name
        return StudyResult(Predictions(run, predicted, studies, views.unread), views.images)

    def _run_model(self, images: Sequence[Pixels]) -> Iterator[npt.NDArray[Any]]:
        """Yield the outputs, (rows, n), and the percentiles of the distances, (rows,)."""
        model = self._model
        assert model, "predict() was called before load()"
        batches = (
            np.stack(images[start : start + model.batch_views])[..., None]
            for start in range(0, len(images), model.batch_views)
        )
        outputs = predict_with_novelty(model, self._reference, batches)
        return map(np.concatenate, zip(*outputs, strict=True))
