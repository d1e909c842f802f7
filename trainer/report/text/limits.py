"""Limitations of a run and its model, derived from its numbers."""

from collections.abc import Iterator, Mapping

from trainer.evaluation.bootstrap import MIN_GROUPS
from trainer.evaluation.metrics import ByPart, Measures
from trainer.evaluation.scored_table import LEVELS
from trainer.report.text import formatting, methods
from trainer.runs.saved.saved_run import SavedRun

_FEW_GROUPS = 100
# width of a 95 % CI of the AUROC
_WIDE = 0.1
# expected calibration error, and difference of prevalences
_LARGE_ERROR, _OTHER_PREVALENCE = 0.1, 0.05

_ALWAYS = (
    "The labels say whether a whole study is normal or abnormal. The model predicts neither the "
    "kind nor the location of an abnormality, and a heat map is not a finding.",
    "The 95 % CIs hold for patients like those of the evaluated set. Results at other hospitals "
    "and on other scanners may differ by more: evaluate the model on local data first.",
)


def on_overlap(overlap: Mapping[str, int]) -> str:
    """Warn of views and patients that the run learnt from; empty without any."""
    warnings: list[str] = []
    if num_images := overlap["num_images"]:
        warnings.append(
            f"{formatting.count(num_images, 'views')} are also in the training of the run (equal "
            "bytes or pixels), so the results are too good."
        )
    if num_patients := overlap["num_patients"]:
        warnings.append(
            f"{formatting.count(num_patients, 'patients')} have the number of a patient in the "
            "training of the run. If both lakes come from the same source, these are the same "
            "people, and the results are too good."
        )
    return " ".join(warnings)


def find(run: SavedRun) -> Iterator[str]:
    """Yield the limitations, one or two sentences each."""
    _, by_part = run.headline
    measures = by_part["all"]
    trained = run.train_set["body_parts"]
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
        part
        for part, measures in by_part.items()
        if part != "all" and measures["num_groups"] < MIN_GROUPS
    ]
    if few:
        yield f"Fewer than {MIN_GROUPS} patients, so no 95 % CI: {', '.join(few)}."


def _on_probabilities(run: SavedRun, measures: Measures) -> Iterator[str]:
    if not run.decision.learnt_on:
        yield "No decision threshold or temperature was learnt: probabilities are not calibrated."
        return
    errors = [
        f"{formatting.number(error)} by {level}"
        for level in LEVELS
        if (error := measures[f"{level}_calibrated_calibration_error"]) > _LARGE_ERROR
    ]
    if errors:
        yield f"Calibrated probabilities still have a large calibration error: {', '.join(errors)}."
    train = run.train_set
    trained = train["num_abnormal_views"] / train["num_views"]
    evaluated = measures["num_abnormal_views"] / measures["num_views"]
    comparison = f", and {formatting.percent(trained)} of the training views"
    yield (
        "Precision and probabilities depend on the prevalence of abnormal views: "
        f"{formatting.percent(evaluated)} of the evaluated views"
        f"{comparison if abs(evaluated - trained) > _OTHER_PREVALENCE else ''}."
    )
