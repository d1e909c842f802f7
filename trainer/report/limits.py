"""Limits: what a run's own numbers say about how far they, and its model, can be trusted."""

from collections.abc import Iterator

from trainer.evaluation.bootstrap import MIN_GROUPS
from trainer.evaluation.metrics import LEVELS, ByPart, Measures
from trainer.report import formatting, methods
from trainer.runs.scored_run import Run

_FEW_GROUPS = 100
_WIDE = 0.1
_FAR = 0.1
_OTHER_SHARE = 0.05

_ALWAYS = (
    "It tells what its training labels told: normal or abnormal of a whole study, not what is "
    "wrong, nor where. A heat map shows where it looked, not a finding.",
    "Intervals are of patients like those it was measured on; those of other hospitals and "
    "scanners may differ by more. Measure it on your own before you rely on a number.",
)


def trained_parts(run: Run) -> list[str]:
    """Return the body parts of the views that a run's model was fitted to."""
    return next(one["body_parts"] for one in run.config["sets"] if one["name"] == "train")


def find(run: Run) -> Iterator[str]:
    """Yield the limits of a run's model, a sentence or two each."""
    role, by_part = run.headline
    measures = by_part["all"]
    trained = trained_parts(run)
    if role != "test":
        yield methods.on_missing_test(trained)
    yield from _on_size(measures)
    yield from _on_parts(trained, by_part)
    yield from _on_probabilities(run, measures)
    yield from _ALWAYS


def _on_size(measures: Measures) -> Iterator[str]:
    num_groups = measures["num_groups"]
    if num_groups < _FEW_GROUPS:
        yield f"It was measured on {formatting.count(num_groups, 'patients')}: few."
    bounds = measures["study_intervals"]["auroc"]
    if bounds and bounds["high"] - bounds["low"] > _WIDE:
        yield (
            f"Its study AUROC is known only to lie in {formatting.interval(bounds)}, with 95 % "
            "confidence: models that are far apart could not be told from each other."
        )


def _on_parts(trained: list[str], by_part: ByPart) -> Iterator[str]:
    if missing := [part for part in trained if part not in by_part]:
        yield f"Trained on but not measured: {', '.join(missing)}."
    few = [
        part for part, one in by_part.items() if part != "all" and one["num_groups"] < MIN_GROUPS
    ]
    if few:
        yield f"Of fewer than {MIN_GROUPS} patients, and so without intervals: {', '.join(few)}."


def _on_probabilities(run: Run, measures: Measures) -> Iterator[str]:
    if not run.decision.learnt_on:
        yield "No threshold or temperature was learnt: probabilities are as the model says them."
        return
    off = [
        f"{formatting.number(error)} by {level}"
        for level in LEVELS
        if (error := measures[f"{level}_calibrated_calibration_error"]) > _FAR
    ]
    if off:
        yield f"Even calibrated, its probabilities are off on average: by {', '.join(off)}."
    train = next(one for one in run.config["sets"] if one["name"] == "train")
    before = train["num_abnormal_views"] / train["num_views"]
    after = measures["num_abnormal_views"] / measures["num_views"]
    different = f", and {formatting.percent(before)} of those it was fitted to"
    yield (
        "Precision and probabilities depend on how common abnormal views are: "
        f"{formatting.percent(after)} of those measured"
        f"{different if abs(after - before) > _OTHER_SHARE else ''}."
    )
