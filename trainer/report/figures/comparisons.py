"""Figures with one row per body part, per candidate or per metric."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.evaluation.comparing.paired import METRICS, Difference
from trainer.evaluation.metrics import ByPart
from trainer.evaluation.scored_table import LEVELS
from trainer.report.figures.svg import (
    INK,
    MUTED,
    VIEW,
    add_legend_below,
    draw_estimates,
    label_rows,
    panel,
)

# lowest view AUROC below which the axis of candidates extends to chance
_NEAR_CHANCE = 0.65


def auroc_by_part(by_part: ByPart) -> Figure:
    """Draw the AUROC of each body part with its 95 % CI and counts, by view and by study."""
    names = list(by_part)
    figure, axes = panel("AUROC by body part", "AUROC", "", height_in=1.3 + 0.5 * len(names))
    for level in LEVELS:
        values = [one[f"{level}_auroc"] for one in by_part.values()]
        bounds = [one[f"{level}_intervals"]["auroc"] for one in by_part.values()]
        draw_estimates(axes, level, values, [(b["low"], b["high"]) if b else None for b in bounds])
    counts = [
        " / ".join(f"{by_part[n][f'num_{unit}']:,}" for unit in LEVELS.values()) for n in names
    ]
    labels = [f"{name}\n{count}" for name, count in zip(names, counts, strict=True)]
    _finish(axes, labels)
    add_legend_below(figure)
    return figure


def candidates(metrics: Mapping[str, Any]) -> Figure:
    """Draw the view AUROC of each candidate of `metrics.json`: each fold, their mean, pooled."""
    out_of_fold, folds = metrics["out_of_fold"], metrics["folds"]
    models: list[str] = list(out_of_fold)
    # names of joined backbones in one line would leave no room for the axis
    labels = [model.replace("+", "+\n") for model in models]
    row_in = 0.14 + 0.2 * max(1 + label.count("\n") for label in labels)
    figure, axes = panel("Candidates", "out-of-fold view AUROC", "", 1.6 + row_in * len(models))
    for y, model in enumerate(models):
        per_fold = [m["view_auroc"] for m in folds[model] if m["view_auroc"] is not None]
        pooled = out_of_fold[model]["all"]["view_auroc"]
        names = ("one fold", "mean of folds", "pooled") if y == 0 else (None,) * 3
        rows = [y] * len(per_fold)
        axes.scatter(per_fold, rows, s=28, color=VIEW, alpha=0.45, linewidth=0, label=names[0])
        if per_fold:
            mean = float(np.mean(per_fold))
            axes.scatter([mean], [y], s=220, color=INK, marker="|", label=names[1])
        if pooled is not None:
            axes.scatter([pooled], [y], s=26, color=VIEW, marker="D", label=names[2], zorder=3)
    # on an axis down to 0.5, good candidates would overlap
    _finish(axes, labels, shows_chance=axes.get_xlim()[0] < _NEAR_CHANCE)
    add_legend_below(figure)
    return figure


def draw_differences(differences: Sequence[Difference]) -> Figure:
    """Draw the difference of a pair of models in each metric, by view and by study."""
    figure, axes = panel("Differences", "first minus second", "", height_in=3.4)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=":", label="no difference")
    for level in LEVELS:
        # in the order of METRICS
        own = [d for d in differences if d.level == level]
        bounds = [(d.bounds.low, d.bounds.high) if d.bounds else None for d in own]
        draw_estimates(axes, level, [d.difference for d in own], bounds)
    label_rows(axes, [name[0].upper() + name[1:] for name in METRICS.values()])
    add_legend_below(figure)
    return figure


def _finish(axes: Axes, names: Sequence[str], shows_chance: bool = True) -> None:
    if shows_chance:
        axes.axvline(0.5, color=MUTED, linewidth=1, linestyle=":", label="chance")
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, 0) - 0.01, min(high, 1) + 0.01)
    label_rows(axes, names)
