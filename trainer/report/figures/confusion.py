"""Confusion matrices, of two labels or of all classes of a multi-class model."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shared.labels import LABEL_NAMES
from trainer.evaluation.binary_metrics import Floats, Ints
from trainer.evaluation.metrics import Measures
from trainer.report.figures.svg import INK, LEVEL_COLOURS, MUTED, panel
from trainer.report.text.formatting import percent

_CELL_IN = 0.44
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center", "color": INK}


def confusion(measures: Measures, level: str) -> Figure:
    """Draw a confusion matrix: counts, and their shares of the actual label."""
    counts = np.array(measures[f"{level}_confusion"])
    figure, axes = panel(f"Confusion matrix by {level}", "predicted", "actual", height_in=3.2)
    shares = _shade_cells(axes, counts, level)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row - 0.1, f"{count:,}", fontsize=15, fontweight="bold", **_CENTRED)
        axes.text(column, row + 0.14, percent(shares[row, column]), fontsize=10.5, **_CENTRED)
    _label_ticks(axes, LABEL_NAMES, x_rotation=0, y_rotation=90)
    return figure


def class_confusion(measures: Measures, level: str) -> Figure:
    """Draw a confusion matrix of all classes: counts, shaded by their share of the actual class."""
    counts = np.array(measures[f"{level}_confusion"])
    names = [row["name"] for row in measures[f"{level}_classes"]]
    title, height_in = f"Confusion matrix of classes by {level}", 1.9 + _CELL_IN * len(names)
    figure, axes = panel(title, "predicted", "actual", height_in, width_in=8.4)
    _shade_cells(axes, counts, level)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            weight = "bold" if row == column else "normal"
            axes.text(column, row, f"{count:,}", fontsize=9.5, fontweight=weight, **_CENTRED)
    _label_ticks(axes, names, x_rotation=90, y_rotation=0)
    # blocks along the diagonal: the body part is correct, the label may be wrong
    for first in range(0, len(names), 2):
        left, right = first - 0.5, first + 1.5
        corners = ([left, right, right, left, left], [left, left, right, right, left])
        axes.plot(*corners, color=MUTED, linewidth=0.8, clip_on=False)
    return figure


def _shade_cells(axes: Axes, counts: Ints, level: str) -> Floats:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), share in np.ndenumerate(shares):
        if share:
            # a deeper shade would hide the number on a light or a dark page
            style: dict[str, Any] = {"alpha": 0.06 + 0.4 * share, "linewidth": 0}
            x, low, high = [column - 0.47, column + 0.47], row - 0.47, row + 0.47
            axes.fill_between(x, low, high, color=LEVEL_COLOURS[level], **style)
    return shares


def _label_ticks(axes: Axes, names: Sequence[str], x_rotation: int, y_rotation: int) -> None:
    ends = (-0.5, len(names) - 0.5)
    axes.set(xlim=ends, ylim=ends[::-1])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(range(len(names)), names, rotation=x_rotation)
    axes.set_yticks(range(len(names)), names, rotation=y_rotation, verticalalignment="center")
