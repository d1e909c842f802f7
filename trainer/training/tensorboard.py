"""TensorBoard logs: the metrics of each epoch as scalars, in a folder of the run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

_METRICS = ("loss", "accuracy", "auroc")


class TensorBoardLog:
    """Writes epochs for TensorBoard while a fit runs.

    Training and validation have a subfolder each, so that TensorBoard draws both in one chart.
    """

    def __init__(self, folder: Path):
        self._writers = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for prefix, name in (("", "training"), ("val_", "validation"))
        }

    def add(self, row: Mapping[str, Any]) -> None:
        """Add an epoch, with columns as in `HISTORY_SCHEMA`."""
        for prefix, writer in self._writers.items():
            with writer.as_default(step=row["epoch"]):
                for name in _METRICS:
                    if (value := row.get(f"{prefix}{name}")) is not None:
                        tf.summary.scalar(name, value)
            # a running TensorBoard shows the epoch at once
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
