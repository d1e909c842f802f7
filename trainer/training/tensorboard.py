"""TensorBoard logs: the metrics of each epoch as scalars, in a folder of the run."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import tensorflow as tf

from trainer.runs.run_folder import name_fit

_METRICS = ("loss", "accuracy", "auroc")


def log_heads(folder: Path, history: pl.DataFrame) -> None:
    """Write the epochs of heads after training; a head trains too fast to be watched.

    Fits on images are skipped, because they have logs already.
    """
    heads = history.filter(pl.col("train_s").is_null().all().over("model", "fold"))
    for rows in heads.partition_by("model", "fold"):
        model, fold = rows.select("model", "fold").row(0)
        title = model if fold is None else f"{model} fold {fold + 1}"
        with closing(TensorBoardLog(folder / name_fit(title))) as log:
            for row in rows.iter_rows(named=True):
                log.add(row)


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
