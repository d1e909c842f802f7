"""Files: heat maps of views, written beside their originals' names."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from shared.files import write_atomically
from trainer.explain.layer_cam import LayerCam
from trainer.explain.picture import encode_png, side_by_side


class Explainer:
    """Writes a picture for each view: the radiograph, and the same under its heat map.

    Args:
        model: as a run keeps it.
        folder: to write into; made if it is not there.
        paths: of all views; below `folder` a picture has the place that its view has below what all
            have in common, with `.png` after the name.
    """

    def __init__(self, model: keras.Model, folder: Path, paths: Sequence[Path]):
        self._layer_cam = LayerCam(model)
        absolute = [path.absolute() for path in paths]
        common = os.path.commonpath([path.parent for path in absolute])
        names = [path.relative_to(common) for path in absolute]
        self._files = [folder / name.with_name(f"{name.name}.png") for name in names]

    def write(self, rows: Sequence[int], images: npt.NDArray[np.uint8]) -> None:
        """Write the pictures of some views.

        Args:
            rows: of the views among all.
            images: (len(rows), size, size, 1), in the same order.

        Raises:
            WriteError: one cannot be written.
        """
        heat = self._layer_cam.explain(images)
        for row, image, one in zip(rows, images[..., 0], heat, strict=True):
            write_atomically(self._files[row], encode_png(side_by_side(image, one)))
