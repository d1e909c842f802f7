"""Scores of the trials of a hyperparameter search."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from trainer.report.figures.svg import INK, MUTED, VIEW, Captioned, add_legend, panel
from trainer.report.text.search_report import format_value
from trainer.runs.saved.saved_run import SavedRun

# settings searched on a logarithmic scale; each has a figure of scores
_LOG_SCALES = ("weight_decay", "learning_rate")
# factor by which the axis exceeds the searched range on each side
_MARGIN = 1.3


def draw(run: SavedRun) -> dict[str, Captioned]:
    """Draw the scores of all trials, in order and by each setting on a logarithmic scale."""
    scored, chosen = run.trials.drop_nulls("score"), run.search["chosen"]
    caption = "Scores of the trials in order; the line is the best score so far."
    plots = {"trials": (_by_number(scored, chosen), caption)}
    for name in _LOG_SCALES:
        if name in scored.columns:
            caption = f"The same scores by {name}; a flat top means a small effect in that range."
            low, high = run.search["settings"][name]
            plots[f"trials_{name}"] = (_by_setting(scored, chosen, name, low, high), caption)
    return plots


def _by_number(scored: pl.DataFrame, chosen: int) -> Figure:
    figure, axes = panel("Trials", "trial", "validation view AUROC")
    best = np.maximum.accumulate(scored["score"].to_numpy())
    axes.step(scored["number"], best, where="post", color=MUTED, linewidth=1.4, label="best so far")
    _draw_scores(axes, scored, chosen, "number")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if scored.height == 1:
        axes.set_xticks(scored["number"])
    add_legend(axes)
    return figure


def _by_setting(scored: pl.DataFrame, chosen: int, name: str, low: float, high: float) -> Figure:
    figure, axes = panel(f"Trials by {name}", name, "validation view AUROC")
    _draw_scores(axes, scored, chosen, name)
    axes.set_xscale("log")
    axes.set_xlim(low / _MARGIN, high * _MARGIN)
    axes.xaxis.set_major_formatter(FuncFormatter(_format_tick))
    axes.xaxis.set_minor_formatter(NullFormatter())
    add_legend(axes)
    return figure


def _format_tick(value: float, _: int | None) -> str:
    return format_value(value)


def _draw_scores(axes: Axes, scored: pl.DataFrame, chosen: int, x: str) -> None:
    style: dict[str, Any] = {"facecolor": VIEW, "edgecolor": VIEW, "s": 40, "zorder": 3}
    axes.scatter(scored[x], scored["score"], label="trial", **style)
    best = scored.filter(number=chosen)
    circle: dict[str, Any] = {"facecolor": "none", "edgecolor": INK, "s": 150, "zorder": 4}
    axes.scatter(best[x], best["score"], label="chosen", linewidth=1.4, **circle)
