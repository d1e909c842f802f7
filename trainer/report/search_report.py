"""Hyperparameter search in a report: best trials, figures, method notes."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from trainer.report.formatting import count, number
from trainer.report.svg import INK, MUTED, PAPER, VIEW, add_legend, panel
from trainer.runs.scored_run import Run

_NUM_SHOWN = 8
_SCALES = ("weight_decay", "learning_rate")
"""Settings searched on a logarithmic scale; each has a figure of scores."""
_MARGIN = 1.3
_MARKERS = {"linear": "o", "hidden": "D"}


def list_best(run: Run) -> Iterator[dict[str, Any]]:
    """Yield the rows of the best trials and of the first trial, which has the default settings.

    Args:
        run: the run of the chosen trial.
    """
    # ties keep their order, because the search chose the first of them
    ranked = run.trials.sort("score", "number", descending=[True, False], nulls_last=True)
    best = ranked.head(_NUM_SHOWN)
    shown = pl.concat([best, ranked.filter(number=1)]).unique("number", maintain_order=True)
    for row in shown.iter_rows(named=True):
        values = [row[name] for name in run.search["settings"]]
        yield {**row, "settings": [_show(value) for value in values]}


def _show(value: Any) -> str:
    return f"{value:,g}" if isinstance(value, float) else str(value)


def _span(name: str, values: Sequence[Any]) -> str:
    """Return a setting with its choices or its range."""
    between = " to " if all(isinstance(value, float) for value in values) else ", "
    return f"{name} ({between.join(map(_show, values))})"


def on_search(run: Run) -> str:
    """Describe the search: number of trials, settings, chosen trial and selection bias.

    Args:
        run: the run of the chosen trial.
    """
    found = run.search
    *others, last = (_span(name, values) for name, values in found["settings"].items())
    names = f"{', '.join(others)} and {last}" if others else last
    usual = "it has the default settings"
    if found["chosen"] != 1:
        usual = f"the default settings have {number(run.trials.filter(number=1)['score'][0])}"
    sentences = [
        f"{count(found['num_trials'], 'trials')} of {names}. Each was trained on the train views, "
        "with early stopping and its score on the validation views.",
        f"Trial {found['chosen']} was chosen by validation view AUROC, {number(found['score'])}; "
        f"{usual}.",
    ]
    if found["num_failed"]:
        sentences.append(f"{count(found['num_failed'], 'trials')} failed without a score.")
    if found["num_trials"] > 1:
        sentences.append(
            "The validation numbers are optimistic (selection bias): they are those of the best of "
            f"{found['num_trials']} trials."
        )
    if "test" in run.by_role:
        sentences.append(
            "The test was not used for the choice and was evaluated once, so its numbers are not "
            "biased by the search."
        )
    return " ".join(sentences)


def draw(run: Run) -> dict[str, tuple[Figure, str]]:
    """Draw the scores of all trials, in order and by each logarithmic setting.

    Args:
        run: the run of the chosen trial.

    Returns:
        By name, the figure and its caption.
    """
    known, chosen = run.trials.drop_nulls("score"), run.search["chosen"]
    plots = {
        "trials": (
            _by_number(known, chosen),
            "Scores of the trials in order; the line is the best score so far.",
        )
    }
    for name in _SCALES:
        if name in known.columns:
            caption = f"The same scores by {name}; a flat top means a small effect in that range."
            low, high = run.search["settings"][name]
            plots[f"trials_{name}"] = (_by_setting(known, chosen, name, low, high), caption)
    return plots


def _by_number(known: pl.DataFrame, chosen: int) -> Figure:
    figure, axes = panel("Trials", "trial", "validation view AUROC")
    best = np.maximum.accumulate(known["score"].to_numpy())
    axes.step(known["number"], best, where="post", color=MUTED, linewidth=1.4, label="best so far")
    _draw_scores(axes, known, chosen, "number")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if known.height == 1:
        axes.set_xticks(known["number"])
    add_legend(axes)
    return figure


def _by_setting(known: pl.DataFrame, chosen: int, name: str, low: float, high: float) -> Figure:
    figure, axes = panel(f"Trials by {name}", name, "validation view AUROC")
    _draw_scores(axes, known, chosen, name)
    axes.set_xscale("log")
    axes.set_xlim(low / _MARGIN, high * _MARGIN)
    axes.xaxis.set_major_formatter(FuncFormatter(_show_tick))
    axes.xaxis.set_minor_formatter(NullFormatter())
    add_legend(axes)
    return figure


def _show_tick(value: float, _: int | None) -> str:
    return _show(value)


def _draw_scores(axes: Axes, known: pl.DataFrame, chosen: int, x: str) -> None:
    kinds = known["head"].unique(maintain_order=True) if "head" in known.columns else ["trial"]
    for kind in kinds:
        rows = known.filter(head=kind) if kind in _MARKERS else known
        style: dict[str, Any] = {"marker": _MARKERS.get(kind, "o"), "s": 40, "zorder": 3}
        filled: dict[str, Any] = {
            "facecolor": VIEW if kind != "hidden" else PAPER,
            "edgecolor": VIEW,
        }
        label = f"{kind} head" if kind in _MARKERS else kind
        axes.scatter(rows[x], rows["score"], label=label, **style, **filled)
    best = known.filter(number=chosen)
    ring: dict[str, Any] = {"facecolor": "none", "edgecolor": INK, "s": 150, "zorder": 4}
    axes.scatter(best[x], best["score"], label="chosen", linewidth=1.4, **ring)
