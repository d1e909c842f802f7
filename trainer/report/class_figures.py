"""The confusion matrix of a multi-class model."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.evaluation.metrics import Measures
from trainer.report.svg import INK, LEVEL_COLOURS, MUTED, panel

_WIDTH_IN = 8.4
_CELL_IN = 0.44
_GAP = 0.04


def class_confusion(measures: Measures, level: str) -> Figure:
    """Draw a confusion matrix of all classes: counts, shaded by their share of the actual class.

    Args:
        measures: as from `trainer.evaluation.multiclass.measure_classes`.
        level: `view` or `study`.
    """
    counts = np.array(measures[f"{level}_confusion"])
    names = [row["name"] for row in measures[f"{level}_classes"]]
    height_in = 1.9 + _CELL_IN * len(names)
    title = f"Confusion matrix of classes by {level}"
    figure, axes = panel(title, "predicted", "actual", height_in, _WIDTH_IN)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = LEVEL_COLOURS[level]
            _draw_cell(axes, (row, column), colour, f"{count:,}", float(shares[row, column]))
    _finish(axes, names)
    return figure


def _draw_cell(axes: Axes, cell: tuple[int, int], colour: str, count: str, share: float) -> None:
    row, column = cell
    low, high = -0.5 + _GAP, 0.5 - _GAP
    # a deeper shade would hide the number on a light or a dark page
    style: dict[str, Any] = {"color": colour, "alpha": 0.06 + 0.5 * share, "linewidth": 0}
    axes.fill_between([column + low, column + high], row + low, row + high, **style)
    weight = "bold" if row == column else "normal"
    place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9.5, "fontweight": weight}
    axes.text(column, row, count, color=INK, **place)


def _finish(axes: Axes, names: list[str]) -> None:
    ends = (-0.5, len(names) - 0.5)
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlim=ends, ylim=ends[::-1])
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    # blocks along the diagonal: the body part is right, the label may be wrong
    for first in range(0, len(names), 2):
        left, right = first - 0.5, first + 1.5
        corners = ([left, right, right, left, left], [left, left, right, right, left])
        axes.plot(*corners, color=MUTED, linewidth=0.8, clip_on=False)
