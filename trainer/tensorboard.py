"""TensorBoard: the epochs of each fit as scalars, in a folder beside the run's other files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

_MEASURES = ("loss", "accuracy", "auroc")


class TensorBoardLog:
    """Writes epochs where TensorBoard finds them while a fit goes on.

    Args:
        folder: of the fit; training and validation get a folder each, so that they share a chart.
    """

    def __init__(self, folder: Path):
        self._writers = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for prefix, name in (("", "training"), ("val_", "validation"))
        }

    def add(self, row: Mapping[str, Any]) -> None:
        """Add an epoch, with columns as in `trainer.history.HISTORY_SCHEMA`."""
        for prefix, writer in self._writers.items():
            with writer.as_default(step=row["epoch"]):
                for name in _MEASURES:
                    tf.summary.scalar(name, row[f"{prefix}{name}"])
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
