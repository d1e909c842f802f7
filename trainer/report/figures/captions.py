"""The figures of a report, with names and captions."""

from collections.abc import Iterator

import polars as pl

from trainer.evaluation.decisions.calibration import bin_by_probability, calibrate
from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.metrics import ByPart
from trainer.evaluation.scored_table import LEVELS, final_rows, levels, to_arrays
from trainer.report.figures import comparisons, confusion, curves, trials
from trainer.report.figures.svg import Captioned
from trainer.report.text import formatting
from trainer.runs.saved.saved_run import SavedRun

_ON_SPREAD = "Differences between candidates below the spread of their folds are not reliable."
_ON_ROC = "Recall (sensitivity) against false positive rate (1 \N{MINUS SIGN} specificity)."


def draw(run: SavedRun) -> dict[str, dict[str, Captioned]]:
    """Draw every figure of a report, by section of the page and by file name."""
    role, by_part = run.headline
    on_folds = " Thin lines: single folds." if run.is_cv and role == "out_of_fold" else ""
    own = run.scored.filter(model=run.model)
    rows = own.filter(role=role)
    result = draw_result(rows, by_part, formatting.set_name(role), on_folds)
    of_folds = run.history.filter(pl.col("fold").is_not_null())
    prefix = f"{run.model}, all {'folds' if run.is_cv else 'seeds'}. "
    return {
        "result": result,
        "test": {"roc_test": (curves.roc(own.filter(role="test"), "test"), _ON_ROC)}
        if role != "test" and "test" in run.main_sets
        else {},
        "classes": _draw_classes(run) if run.classes else {},
        "reliability": dict(draw_reliability(rows, run.decision)),
        "candidates": {"candidates": (comparisons.candidates(run.metrics), _ON_SPREAD)}
        if run.is_cv
        else {},
        "search": trials.draw(run) if run.search else {},
        "learning": dict(_draw_learning(final_rows(run.history))),
        "folds": dict(_draw_learning(of_folds, "_folds", prefix)),
    }


def _draw_classes(run: SavedRun) -> dict[str, Captioned]:
    return {
        f"class_confusion_{level}": (
            confusion.class_confusion(run.classes, level),
            f"Actual and predicted classes by {level}: counts, shaded by their share of the actual "
            "class. Inside a box, the body part is right.",
        )
        for level in LEVELS
    }


def draw_result(
    rows: pl.DataFrame, by_part: ByPart, name: str, on_folds: str = ""
) -> dict[str, Captioned]:
    """Draw confusion matrices, ROC curves and, for several parts, the AUROC by body part.

    `by_part` needs intervals; `on_folds` is a sentence on the lines of folds.
    """
    drawn = {
        f"confusion_{level}": (
            confusion.confusion(by_part["all"], level),
            f"Actual and predicted labels by {level}: counts, and shares of the actual label. "
            "Predicted abnormal from a probability of 0.5.",
        )
        for level in LEVELS
    }
    drawn["roc"] = (curves.roc(rows, name), f"{_ON_ROC}{on_folds}")
    # `all` and the only part would be equal
    if len(by_part) > 2:
        caption = "AUROC with 95 % CI. The numbers below a body part are views / studies."
        drawn["auroc_by_part"] = (comparisons.auroc_by_part(by_part), caption)
    return drawn


def draw_reliability(scored: pl.DataFrame, decision: Decision) -> Iterator[tuple[str, Captioned]]:
    """Yield the name and the reliability diagram of each level."""
    for level, rows in levels(scored):
        labels, probabilities = to_arrays(rows)
        calibrated = calibrate(probabilities, decision.rule(level).temperature)
        drawn = {"uncalibrated": probabilities, "after temperature scaling": calibrated}
        bins = formatting.count(bin_by_probability(labels, probabilities).num_rows.size, "bins")
        caption = (
            f"{bins} of equal count. "
            "On the dotted line, predicted probabilities equal observed shares."
        )
        yield f"reliability_{level}", (curves.reliability(level, labels, drawn), caption)


def _draw_learning(
    history: pl.DataFrame, suffix: str = "", prefix: str = ""
) -> Iterator[tuple[str, Captioned]]:
    if history.is_empty():
        return
    loss = "The dot marks the epoch whose weights are saved."
    yield f"loss{suffix}", (curves.loss_curves(history), prefix + loss)
    if history["val_auroc"].is_null().all():
        return  # undefined for validation views of one label
    auroc = "Validation view AUROC after each epoch."
    yield f"auroc{suffix}", (curves.auroc_curves(history), prefix + auroc)
