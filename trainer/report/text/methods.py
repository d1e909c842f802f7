"""Method notes of a report: how its numbers were made, and their limits."""

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from shared.counts import count
from trainer.evaluation.bootstrap import COVERAGE, MIN_GROUPS
from trainer.evaluation.decisions.decision import BASES, Decision
from trainer.evaluation.metrics import ByPart
from trainer.evaluation.scored_table import LEVELS, final_rows
from trainer.report.text.formatting import percent, set_name


def on_intervals(by_part: ByPart, num_resamples: int) -> str:
    """Describe the intervals and their limits."""
    sentences = [
        f"Brackets are {percent(COVERAGE)} CIs from {num_resamples:,} bootstrap resamples of the "
        "patients of a set; all views and studies of a patient are resampled together."
    ]
    found = [measures[f"{level}_intervals"] for measures in by_part.values() for level in LEVELS]
    if not all(any(bounds.values()) for bounds in found):
        sentences.append(f"There is no interval for fewer than {MIN_GROUPS} patients.")
    aurocs = [bounds["auroc"] for bounds in found if bounds["auroc"]]
    if num_left_out := num_resamples - min(
        (b["num_resamples"] for b in aurocs), default=num_resamples
    ):
        sentences.append(
            f"Resamples with only one label, at most {num_left_out:,}, are left out of the "
            "interval of the AUROC."
        )
    if any(b and b["low"] == b["high"] for bounds in found for b in bounds.values()):
        sentences.append(
            "An interval of zero width is not certainty: resamples cannot contain errors that this "
            "set does not contain."
        )
    return " ".join(sentences)


def on_decision(decision: Decision, sets: Collection[str]) -> str:
    """Name the predictions behind the decision thresholds and temperatures."""
    rules = _on_thresholds(decision)
    if not decision.learnt_on:
        return (
            "No decision threshold or temperature was learnt: "
            f"there were no predictions of both labels to learn from. {rules}"
        )
    learnt = (
        "Temperatures, and thresholds other than 0.5, were learnt on the "
        f"{set_name(decision.learnt_on)} predictions, {count(decision.num_views, 'views')} of "
        f"{count(decision.num_studies, 'studies')}"
    )
    independent = "; the test set was not used." if "test" in sets else "."
    if decision.learnt_on in sets:
        return (
            f"{learnt}{independent} The {set_name(decision.learnt_on)} results at these thresholds "
            f"and after calibration are therefore slightly too good. {rules}"
        )
    return f"{learnt}{independent} {rules}"


def _on_thresholds(decision: Decision) -> str:
    view, study = BASES[decision.view.basis], BASES[decision.study.basis]
    if view == study:
        return f"The decision threshold of views and studies is {view}."
    return f"The decision threshold of views is {view}; that of studies is {study}."


def on_missing_test(parts: Sequence[str]) -> str:
    """Explain the missing test."""
    names = ", ".join(parts)
    return (
        f"There is no test set: the lake has no views of the valid split for {names}. "
        "All results are for views held out from train."
    )


def on_patients(scored: pl.DataFrame) -> str:
    """Report whether validation and test share patients."""
    final = final_rows(scored)
    groups = {role: set(final.filter(role=role)["group"]) for role in ("validation", "test")}
    num_shared = len(groups["validation"] & groups["test"])
    if num_shared:
        return (
            f"{count(num_shared, 'patients')} of the validation set are also in the test set: "
            "the test results are not valid."
        )
    return "Sets are split by patient, across body parts: no patient is in two sets."


def on_overlap(overlap: Mapping[str, int]) -> str:
    """Warn of views and patients that the run learnt from; empty without any."""
    warnings: list[str] = []
    if num_images := overlap["num_images"]:
        warnings.append(
            f"{count(num_images, 'views')} are also in the training of the run (equal "
            "bytes or pixels), so the results are too good."
        )
    if num_patients := overlap["num_patients"]:
        warnings.append(
            f"{count(num_patients, 'patients')} have the number of a patient in the "
            "training of the run. If both lakes come from the same source, these are the same "
            "people, and the results are too good."
        )
    return " ".join(warnings)
