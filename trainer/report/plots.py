"""Which figures a report has, under which names, and what stands below each."""

from collections.abc import Iterator

import polars as pl
from matplotlib.figure import Figure

from trainer.evaluation.calibration import bin_by_probability, calibrate
from trainer.evaluation.metrics import levels, to_arrays
from trainer.report import comparisons, figures, formatting, search_report
from trainer.report.class_figures import class_confusion
from trainer.runs.scored_run import Run

Captioned = tuple[Figure, str]

_ON_SPREAD = "Candidates closer than their own folds are spread can hardly be told apart."


def draw(run: Run) -> dict[str, dict[str, Captioned]]:
    """Draw every figure of a report.

    Returns:
        By section of the page (`result`, `classes`, `reliability`, `candidates`, `search`,
        `learning`, `folds`) and by a name fit for a file: the figure and its caption.
    """
    role, by_part = run.headline
    result = {
        f"confusion_{level}": (
            figures.confusion(by_part["all"], level),
            f"Answers against truth by {level}, counts and shares of each truth; answered abnormal "
            "from a probability of 0.5.",
        )
        for level in ("view", "study")
    }
    name = role.replace("_", " ")
    result["roc"] = (figures.roc(run.rows(role), name), "Sensitivity against false alarms.")
    if len(by_part) > 2:
        caption = "Dots on their 95 % intervals; the numbers are views / studies."
        result["auroc_by_part"] = (comparisons.auroc_by_part(by_part), caption)
    return {
        "result": result,
        "classes": _draw_classes(run) if run.classes else {},
        "reliability": dict(_draw_reliability(run)),
        "candidates": _draw_candidates(run) if run.is_cv else {},
        "search": search_report.draw(run) if run.search else {},
        "learning": dict(_draw_learning("", run.fitted)),
        "folds": dict(_draw_learning("_folds", run.fitted_folds, f"{run.model}, folds. ")),
    }


def _draw_classes(run: Run) -> dict[str, Captioned]:
    caption = (
        "Answers against truth by {}: counts, shaded by their share of the true class. "
        "In the boxes the body part is right."
    )
    return {
        f"class_confusion_{level}": (class_confusion(run.classes, level), caption.format(level))
        for level in ("view", "study")
    }


def _draw_reliability(run: Run) -> Iterator[tuple[str, Captioned]]:
    for level, rows in levels(run.rows(run.headline[0])):
        labels, probabilities = to_arrays(rows)
        temperature = run.decision.rule(level).temperature
        drawn = {
            "as the model says": probabilities,
            "after temperature scaling": calibrate(probabilities, temperature),
        }
        bins = formatting.count(bin_by_probability(labels, probabilities).num_rows.size, "bins")
        caption = (
            f"{bins} of equally many; on the dotted line, four in five that get 0.8 are abnormal."
        )
        yield f"reliability_{level}", (figures.reliability(level, labels, drawn), caption)


def _draw_candidates(run: Run) -> dict[str, Captioned]:
    figure = comparisons.candidates(run.metrics["out_of_fold"], run.metrics["folds"])
    plots = {"candidates": (figure, _ON_SPREAD)}
    # where there is no test, this curve is already among the results
    if run.headline[0] != "out_of_fold":
        curve = figures.roc(run.rows("out_of_fold"), "out of fold")
        plots["roc_out_of_fold"] = (curve, f"{run.model}: a thin line a fold, all folds pooled.")
    return plots


def _draw_learning(
    suffix: str, history: pl.DataFrame, prefix: str = ""
) -> Iterator[tuple[str, Captioned]]:
    if history.is_empty():
        return
    loss = "The dot is the epoch whose weights were kept."
    yield f"loss{suffix}", (figures.loss_curves(history), prefix + loss)
    if history["val_auroc"].is_null().all():
        return  # validation views of one label have no AUROC
    auroc = "How well validation views were ranked after each epoch."
    yield f"auroc{suffix}", (figures.auroc_curves(history), prefix + auroc)
