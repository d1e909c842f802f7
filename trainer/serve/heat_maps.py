"""Heat maps for the uploaded views of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared.console import note
from shared.images.pixels import Pixels
from trainer.explain.overlay import overlay
from trainer.keras_import import import_keras
from trainer.runs.saved.saved_run import SavedRun
from trainer.serve.upload.decoding import ViewDecoder
from trainer.serve.upload.limits import Refusal
from trainer.serve.upload.uploads import Upload

if TYPE_CHECKING:
    from trainer.explain.layer_cam import LayerCam


class HeatMaps:
    """Computes the heat maps of one study at a time, with TensorFlow."""

    def __init__(self, saved_run: SavedRun, decoder: ViewDecoder):
        self._saved_run, self._decoder = saved_run, decoder
        self._layer_cam: LayerCam | None = None
        self._has_failed = False

    def load(self) -> None:
        """Start TensorFlow and load the model; if that fails, print a message."""
        note("starting TensorFlow, which computes heat maps")
        try:
            self._layer_cam = self._load()
        except Exception as error:  # an import runs code of many packages
            self._has_failed = True
            note(f"heat maps are not available: {error}")

    def _load(self) -> LayerCam:
        import_keras()

        from trainer.explain.layer_cam import LayerCam

        layer_cam = LayerCam(self._saved_run.load_model())
        size_px = self._saved_run.image.size
        # the first call takes longer
        layer_cam.explain(np.zeros((1, size_px, size_px, 1), np.uint8))
        return layer_cam

    def check(self) -> None:
        """Raise `Refusal` if heat maps cannot be computed."""
        if self._has_failed:
            raise Refusal(503, "The server cannot compute heat maps, and has logged the reason.")

    def explain(self, uploads: Sequence[Upload]) -> list[Pixels]:
        """Return each readable view with its heat map, RGB, (size, size, 3), or raise `Refusal`."""
        if not self._layer_cam:
            self.check()
            raise Refusal(503, "The server is starting; try again later.")
        images = self._decoder.decode(uploads).images
        if not images:
            return []
        heat_maps = self._layer_cam.explain(np.stack(images)[..., None])
        return [
            overlay(image, heat_map, opacity=1.0)
            for image, heat_map in zip(images, heat_maps, strict=True)
        ]
