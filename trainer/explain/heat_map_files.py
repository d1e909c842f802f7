"""Writing of heat maps into a folder, one PNG file per view."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from shared.storage.atomic import write_atomically
from trainer.explain.layer_cam import LayerCam
from trainer.explain.overlay import encode_png, side_by_side


class HeatMapWriter:
    """Writes a picture for each view: the radiograph, and the radiograph with its heat map.

    Args:
        folder: output folder; created if missing.
        paths: files of all views. A picture's path in `folder` is the view's path relative to the
            common parent of all views, with `.png` appended.
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
            rows: indices of the views in `paths`.
            images: (len(rows), size, size, 1), in the same order.

        Raises:
            WriteError: a picture cannot be written.
        """
        heat = self._layer_cam.explain(images)
        for row, image, heat_map in zip(rows, images[..., 0], heat, strict=True):
            write_atomically(self._files[row], encode_png(side_by_side(image, heat_map)))
