"""The notes of a report: how its numbers were made, and what keeps them from saying more."""

from collections.abc import Sequence

import polars as pl

from trainer.evaluation.bootstrap import COVERAGE, MIN_GROUPS
from trainer.evaluation.metrics import LEVELS, ByPart, final_rows
from trainer.evaluation.thresholds import Decision
from trainer.report.error_analysis import Case
from trainer.report.formatting import count, percent
from trainer.runs.scored_run import Run


def on_intervals(by_part: ByPart, num_resamples: int) -> str:
    """Say how intervals were made, and where they say less than they seem to.

    Args:
        by_part: measures with intervals of the sets that they stand beside.
        num_resamples: how many were drawn for each.
    """
    sentences = [
        f"Brackets hold {percent(COVERAGE)} of {num_resamples:,} resamples of the patients of a "
        "set, drawn with replacement; all views and studies of a patient stay together."
    ]
    found = [measures[f"{level}_intervals"] for measures in by_part.values() for level in LEVELS]
    if not all(any(bounds.values()) for bounds in found):
        sentences.append(f"Fewer than {MIN_GROUPS} patients make no interval.")
    aurocs = [bounds["auroc"] for bounds in found if bounds["auroc"]]
    if num_left_out := num_resamples - min(
        (b["num_resamples"] for b in aurocs), default=num_resamples
    ):
        sentences.append(
            "Resamples without both labels have no AUROC and are left out of it, "
            f"{num_left_out:,} at most."
        )
    if any(b and b["low"] == b["high"] for bounds in found for b in bounds.values()):
        sentences.append(
            "An interval without width is no certainty: "
            "resamples hold no mistake that was not made here."
        )
    return " ".join(sentences)


def on_decision(decision: Decision, role: str) -> str:
    """Say what temperatures and thresholds were learnt on.

    Args:
        decision: of the run.
        role: of the rows that it is shown on.
    """
    if not decision.learnt_on:
        return "There were no predictions of both labels to learn a threshold or temperature on."
    learnt = (
        f"Threshold and temperature were learnt on {decision.learnt_on.replace('_', '-')} "
        f"predictions, {count(decision.num_views, 'views')} of "
        f"{count(decision.num_studies, 'studies')}"
    )
    if decision.learnt_on == role:
        return f"{learnt}: the very ones shown here, so these numbers flatter."
    return f"{learnt}; nothing of the test went into them."


def on_missing_test(parts: Sequence[str]) -> str:
    """Say why there is no test."""
    names = ", ".join(parts)
    return (
        f"There is no test: the lake has no views of the official valid split for {names}. "
        "The numbers come from views held out of train instead."
    )


def on_patients(scored: pl.DataFrame) -> str:
    """Say whether validation and test share patients.

    Args:
        scored: all predictions of a run.
    """
    final = final_rows(scored)
    groups = {role: set(final.filter(role=role)["group"]) for role in ("validation", "test")}
    num_shared = len(groups["validation"] & groups["test"])
    if num_shared:
        return f"{count(num_shared, 'patients')} of validation are in test, too: do not trust it."
    return "Sets are drawn by patient, across body parts: no patient is in two sets."


def on_pictures(run: Run, cases: Sequence[Case]) -> str:
    """Say what the pictures of cases show, whose answer it is, and who may see them.

    Args:
        run: whose cases they are.
        cases: all that are listed.
    """
    if not any(view.picture for case in cases for view in case.views):
        return "Radiographs and their heat maps were left out."
    sentences = [
        "Right of each radiograph is where the kept model sees what speaks for abnormal, by "
        "Layer-CAM (Jiang et al. 2021): each map on a scale of its own, none where nothing does.",
        "A map shows where a model looked, not whether it was right to.",
    ]
    if run.headline[0] == "out_of_fold":
        sentences.append(
            "Probabilities are of the model that had not seen the patient; the kept one has."
        )
    sentences.append("With these radiographs, this page is as private as they are.")
    return " ".join(sentences)


def on_fitting(run: Run) -> str:
    """Say how long the final model was fitted, and which epoch was kept."""
    kept = run.fitted.filter("is_best")["epoch"]
    if kept.is_empty():
        return ""
    # a head reads embeddings, no images
    speed = run.fitted.drop_nulls("train_s")["images_per_s"].median()
    pace = f", at a median of {speed:,.0f} images/s" if isinstance(speed, float) else ""
    epochs = count(run.fitted.height, "epochs")
    return f"TrainedModel for {epochs}{pace}; the weights of epoch {kept[0]} were kept."


def on_candidates(run: Run) -> str:
    """Say how many candidates were tried, how one was chosen, and what was kept of it.

    Args:
        run: of a cross-validation.
    """
    num, is_tested = run.metrics["num_candidates"], "test" in run.by_role
    verb = "was" if num == 1 else "were"
    sentences = [
        f"{count(num, 'candidates')} {verb} tried on the same folds of the train split.",
        f"{run.model} was chosen by pooled out-of-fold view AUROC; nothing of the official valid "
        "split went into the choice.",
    ]
    num_folds = len(run.metrics["folds"][run.model])
    if run.is_ensemble:
        sentences.append(
            f"What are kept are its {num_folds} fold models, which answer by their mean."
        )
    else:
        sentences.append(
            "It was then fitted again on train, a fifth of its patients held out to stop by."
        )
    if is_tested:
        sentences.append("The test was scored once, after that.")
    return " ".join(sentences)
