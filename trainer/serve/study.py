"""Study: uploaded files become answers with heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from shared.errors import ImageError
from shared.images.pixels import Pixels
from trainer.explain.layer_cam import LayerCam
from trainer.explain.overlay import overlay
from trainer.inference.image_input import read_view
from trainer.inference.study_predictions import answer
from trainer.runs.saved_run import SavedRun

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none

_ONE_STUDY = "study"


@dataclass(frozen=True)
class View:
    """One view's answer.

    Attributes:
        name: of its file.
        answer: a row of `trainer.inference.study_predictions.answer`.
        image: what the model saw, (size, size).
        heat: the same under its heat map at full opacity, RGB, (size, size, 3).
    """

    name: str
    answer: dict[str, Any]
    image: Pixels
    heat: Pixels


@dataclass(frozen=True)
class Study:
    """What a run says of a study.

    Attributes:
        answer: a row of `trainer.inference.study_predictions.answer`; None if no view
            could be read.
        views: that could be read.
        unread: file names, each with what is wrong with it.
    """

    answer: dict[str, Any] | None
    views: Sequence[View]
    unread: Sequence[tuple[str, str]]


class Reader:
    """Reads studies by one model, one after the other."""

    def __init__(self, kept: SavedRun, model: keras.Model):
        untyped: Any = model
        self.kept, self._model, self._layer_cam = kept, untyped, LayerCam(model)
        self._lock = Lock()

    def warm_up(self) -> None:
        """Trace the model, so that the first study does not wait for it."""
        size_px = self.kept.image.size
        self._look(np.zeros((1, size_px, size_px, 1), np.uint8))

    def read(self, files: Sequence[Path]) -> Study:
        """Return the answer to the views of one study; what cannot be read is told."""
        images: dict[Path, Pixels] = {}
        unread: list[tuple[str, str]] = []
        for file in dict.fromkeys(files):
            try:
                images[file] = read_view(file, self.kept.image)
            except ImageError as error:
                unread.append((file.name, error.detail))
        if not images:
            return Study(None, (), unread)
        batch = np.stack(list(images.values()))[..., None]
        outputs, heats = self._look(batch)
        table = pl.DataFrame({"path": list(map(str, images))}).with_columns(
            study=pl.lit(_ONE_STUDY)
        )
        views, studies = answer(self.kept, table, outputs)
        found = [
            View(
                file.name,
                row,
                image,
                overlay(image, heat, opacity=1.0),
            )
            for (file, image), heat, row in zip(
                images.items(), heats, views.iter_rows(named=True), strict=True
            )
        ]
        return Study(studies.row(0, named=True), found, unread)

    def _look(self, batch: Pixels) -> tuple[Any, Any]:
        """Return the model's outputs and heat maps; one study at a time has the processor."""
        with self._lock:
            outputs = np.asarray(self._model.predict_on_batch(batch), np.float32)
            return outputs, self._layer_cam.explain(batch)
