"""Learning curves, ROC curves and reliability diagrams."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainer.evaluation.binary_metrics import Floats, Ints
from trainer.evaluation.decisions.calibration import bin_by_probability
from trainer.evaluation.metrics import measure_auroc
from trainer.evaluation.roc import roc_curve
from trainer.evaluation.scored_table import levels, to_arrays
from trainer.report.figures.svg import LEVEL_COLOURS, MUTED, PAPER, VIEW, add_legend, panel

_COLOURS = {"training": MUTED, "validation": VIEW}


def loss_curves(history: pl.DataFrame) -> Figure:
    """Draw training and validation loss of one model by epoch, one line per fold."""
    figure, axes = panel("Loss", "epoch", "cross-entropy")
    _draw_curves(axes, history, {"training": "loss", "validation": "val_loss"})
    add_legend(axes)
    return figure


def auroc_curves(history: pl.DataFrame) -> Figure:
    """Draw the validation view AUROC of one model by epoch, one line per fold."""
    figure, axes = panel("Validation AUROC", "epoch", "view AUROC")
    _draw_curves(axes, history, {"validation": "val_auroc"})
    axes.axhline(0.5, color=MUTED, linewidth=1, linestyle=":", label="chance")
    add_legend(axes)
    return figure


def _draw_curves(axes: Axes, history: pl.DataFrame, columns: Mapping[str, str]) -> None:
    fits = history.sort("fold", "epoch").partition_by("fold", maintain_order=True)
    width = 1.8 if len(fits) == 1 else 0.9
    for index, fit in enumerate(fits):
        marker = "o" if fit.height == 1 else ""  # a line through one epoch is invisible
        for name, column in columns.items():
            label = None if index else name if len(fits) == 1 else f"{name}, one line per fit"
            line: dict[str, Any] = {"color": _COLOURS[name], "linewidth": width, "marker": marker}
            axes.plot(fit["epoch"], fit[column], label=label, **line)
        best = fit.filter("is_best")
        label = None if index else "best epoch"
        style: dict[str, Any] = {"edgecolor": PAPER, "linewidth": 1, "color": VIEW, "s": 45}
        axes.scatter(best["epoch"], best[columns["validation"]], label=label, zorder=3, **style)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # around a single epoch, MaxNLocator puts ticks at fractions even with integer=True
    if history.height == len(fits):
        axes.set_xticks([1])


def roc(scored: pl.DataFrame, name: str = "all") -> Figure:
    """Draw ROC curves by view and by study, and a thin line for each fold."""
    x_label = "1 \N{MINUS SIGN} specificity"
    figure, axes = panel(f"ROC, {name}", x_label, "recall (sensitivity)", height_in=4.3)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
    folds: list[int] = sorted(scored["fold"].drop_nulls().unique())
    for level, table in levels(scored):
        for fold in folds:
            _draw_roc(axes, table.filter(fold=fold), level, {"linewidth": 0.6, "alpha": 0.5}, "")
        _draw_roc(axes, table, level, {"linewidth": 2}, "pooled, by" if folds else "by")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    add_legend(axes, "lower right")
    return figure


def _draw_roc(
    axes: Axes, table: pl.DataFrame, level: str, style: dict[str, Any], prefix: str
) -> None:
    auroc = measure_auroc(*to_arrays(table))
    if auroc is None:
        if prefix:
            axes.plot([], [], label=f"{prefix} {level}: undefined, only one label")
        return
    label = f"{prefix} {level}: AUROC {auroc:.3f}" if prefix else None
    curve = roc_curve(*to_arrays(table))
    axes.plot(*curve, color=LEVEL_COLOURS[level], label=label, **style)


def reliability(level: str, labels: Ints, probabilities: Mapping[str, Floats]) -> Figure:
    """Draw a reliability diagram of probabilities by name; the last one is emphasized."""
    title, x_label = f"Reliability diagram by {level}", "mean predicted probability"
    figure, axes = panel(title, x_label, "share of abnormal cases", height_in=4.3)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label="perfect calibration")
    *_, last = probabilities
    for name, values in probabilities.items():
        bins = bin_by_probability(labels, values)
        is_last = name == last
        style: dict[str, Any] = {
            "color": LEVEL_COLOURS[level] if is_last else MUTED,
            "marker": "o" if is_last else "x",
            "markersize": 5,
            "linewidth": 1.6 if is_last else 0.9,
        }
        axes.plot(bins.mean_probability, bins.abnormal_share, label=name, **style)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    add_legend(axes)
    return figure
