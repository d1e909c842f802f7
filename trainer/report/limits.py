"""Limitations of a run and its model, derived from its numbers."""

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
    "The labels say whether a whole study is normal or abnormal. The model predicts neither the "
    "kind nor the location of an abnormality, and a heat map is not a finding.",
    "The 95 % CIs hold for patients like those of the evaluated set. Results at other hospitals "
    "and on other scanners may differ by more: evaluate the model on local data first.",
)


def trained_parts(run: Run) -> list[str]:
    """Return the body parts of the training set."""
    return next(one["body_parts"] for one in run.config["sets"] if one["name"] == "train")


def find(run: Run) -> Iterator[str]:
    """Yield the limitations, one or two sentences each."""
    _, by_part = run.headline
    measures = by_part["all"]
    trained = trained_parts(run)
    if "test" not in run.by_role:
        yield methods.on_missing_test(trained)
    yield from _on_size(measures)
    yield from _on_parts(trained, by_part)
    yield from _on_probabilities(run, measures)
    yield from _ALWAYS


def _on_size(measures: Measures) -> Iterator[str]:
    num_groups = measures["num_groups"]
    if num_groups < _FEW_GROUPS:
        yield f"The model was evaluated on only {formatting.count(num_groups, 'patients')}."
    bounds = measures["study_intervals"]["auroc"]
    if bounds and bounds["high"] - bounds["low"] > _WIDE:
        yield (
            f"The 95 % CI of the study AUROC is wide, {formatting.interval(bounds)}: this set is "
            "too small to rank models of similar quality."
        )


def _on_parts(trained: list[str], by_part: ByPart) -> Iterator[str]:
    if missing := [part for part in trained if part not in by_part]:
        yield f"Trained on, but not evaluated: {', '.join(missing)}."
    few = [
        part for part, one in by_part.items() if part != "all" and one["num_groups"] < MIN_GROUPS
    ]
    if few:
        yield f"Fewer than {MIN_GROUPS} patients, so no 95 % CI: {', '.join(few)}."


def _on_probabilities(run: Run, measures: Measures) -> Iterator[str]:
    if not run.decision.learnt_on:
        yield "No decision threshold or temperature was learnt: probabilities are not calibrated."
        return
    off = [
        f"{formatting.number(error)} by {level}"
        for level in LEVELS
        if (error := measures[f"{level}_calibrated_calibration_error"]) > _FAR
    ]
    if off:
        yield f"Calibrated probabilities still have a large calibration error: {', '.join(off)}."
    train = next(one for one in run.config["sets"] if one["name"] == "train")
    before = train["num_abnormal_views"] / train["num_views"]
    after = measures["num_abnormal_views"] / measures["num_views"]
    different = f", and {formatting.percent(before)} of the training views"
    yield (
        "Precision and probabilities depend on the prevalence of abnormal views: "
        f"{formatting.percent(after)} of the evaluated views"
        f"{different if abs(after - before) > _OTHER_SHARE else ''}."
    )
