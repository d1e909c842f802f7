"""Classification targets: the classes of a task, class numbers and class weights of views."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import TrainingError
from shared.labels import LABEL_NAMES, order_parts
from trainer.options import ClassWeight, Task

Floats32 = npt.NDArray[np.float32]
Targets = tuple[Floats32, ...]
"""Targets of a fit, float32: class numbers (rows, 1), and optional sample weights (rows,)."""


@dataclass(frozen=True)
class Target:
    """The classes of a task.

    The class number of a view is its label for the task `abnormal`, where `parts` is empty. For
    other tasks it is twice the index of its body part in `parts`, plus the label; so abnormal
    classes have odd numbers.
    """

    name: Task
    parts: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names in order, e.g. `abnormal` or `humerus abnormal`."""
        return tuple(f"{p} {label}" for p in self.parts for label in LABEL_NAMES) or LABEL_NAMES

    @property
    def num_outputs(self) -> int:
        """The number of model outputs: 1 for the probability of abnormal, or one per class."""
        return 2 * len(self.parts) or 1

    def numbers(self, views: pl.DataFrame) -> npt.NDArray[np.int64]:
        """Return the class number of each view, (rows,); body parts must be in `parts`."""
        label = pl.col("label")
        if self.parts:
            places = {part: place for place, part in enumerate(self.parts)}
            label += 2 * pl.col("body_part").replace_strict(places, return_dtype=pl.Int64)
        return views.select(label).to_series().to_numpy()


def make_target(name: Task, manifest: pl.DataFrame) -> Target:
    """Return the target of a run on a lake; every view of the manifest gets a class.

    Raises:
        TrainingError: the task needs two body parts, but the train split has one or none.
    """
    if name == "abnormal":
        return Target(name)
    trained = order_parts(manifest.filter(split="train")["body_part"])
    if len(trained) < 2:
        raise TrainingError(
            f"Expected train views of two body parts or more for task={name}. "
            f"Received: {', '.join(trained) or 'no train views'}"
        )
    return Target(name, tuple(order_parts(manifest["body_part"])))


def target_of(class_names: Sequence[str]) -> Target:
    """Return the target with these class names, each a body part and a label."""
    return Target("part_abnormal", tuple(name.rpartition(" ")[0] for name in class_names[::2]))


def abnormal_probability(outputs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the probability of abnormal, (rows,), from outputs (rows, 1 or number of classes)."""
    if outputs.shape[1] == 1:
        return outputs[:, 0].astype(np.float64)
    # rounding may exceed 1
    return np.minimum(normalize(outputs)[:, 1::2].sum(axis=1), 1.0)


def normalize(outputs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return class probabilities (rows, n) that sum to 1, despite float32 rounding."""
    exact = outputs.astype(np.float64)
    return exact / exact.sum(axis=1, keepdims=True)


def predictions_table(views: pl.DataFrame, outputs: npt.NDArray[Any]) -> pl.DataFrame:
    """Return `view_id`, `probability` and, for several classes, `class_probabilities` of views."""
    columns = {"probability": pl.Series(abnormal_probability(outputs))}
    if outputs.shape[1] > 1:
        lists = normalize(outputs).tolist()
        columns["class_probabilities"] = pl.Series(lists, dtype=pl.List(pl.Float64))
    return views.select("view_id").with_columns(**columns)


def class_weights(views: pl.DataFrame, weighting: ClassWeight) -> Floats32:
    """Return sample weights (rows,), mean 1, with the same total weight for each class."""
    if weighting == "none":
        return np.ones(views.height, np.float32)
    columns = ["label"] if weighting == "label" else ["body_part", "label"]
    num_classes = views.select(columns).n_unique()
    weights = views.select(views.height / (num_classes * pl.len().over(columns)))
    return weights.to_series().to_numpy().astype(np.float32)


def make_targets(views: pl.DataFrame, target: Target, weighting: ClassWeight) -> Targets:
    """Return the targets of a fit for these views; with sample weights only if they differ."""
    numbers = target.numbers(views).astype(np.float32)[:, None]
    return (numbers,) if weighting == "none" else (numbers, class_weights(views, weighting))
