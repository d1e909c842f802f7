"""Choice of the model in a report: candidates of a cross-validation, trials of a search."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from shared.counts import count
from trainer.evaluation.metrics import Measures
from trainer.report.text.formatting import enumerate_names, estimate, number
from trainer.runs.saved.saved_run import SavedRun

_NUM_LISTED = 8


def list_best(run: SavedRun) -> Iterator[dict[str, Any]]:
    """Yield the rows of the best trials and of the first trial, which has the default settings."""
    # ties keep their order, because the search chose the first of them
    ranked = run.trials.sort("score", "number", descending=[True, False], nulls_last=True)
    best = ranked.head(_NUM_LISTED)
    listed = pl.concat([best, ranked.filter(number=1)]).unique("number", maintain_order=True)
    for row in listed.iter_rows(named=True):
        values = [row[name] for name in run.search["settings"]]
        yield {**row, "settings": [format_value(value) for value in values]}


def format_value(value: Any) -> str:
    """Format the value of a setting."""
    return f"{value:,g}" if isinstance(value, float) else str(value)


def _span(name: str, values: Sequence[Any]) -> str:
    separator = " to " if all(isinstance(value, float) for value in values) else ", "
    return f"{name} ({separator.join(map(format_value, values))})"


def on_search(run: SavedRun) -> str:
    """Describe the search: number of trials, settings, chosen trial and selection bias."""
    search = run.search
    names = enumerate_names([_span(name, values) for name, values in search["settings"].items()])
    default = "it has the default settings"
    if search["chosen"] != 1:
        default = f"the default settings have {number(run.trials.filter(number=1)['score'][0])}"
    # a head has no epochs to stop early
    stopping = "" if run.history.is_empty() else ", which also stopped its training early"
    sentences = [
        f"{count(search['num_trials'], 'trials')} of {names}. Each was trained on the train views "
        f"and scored on the validation views{stopping}.",
        f"Trial {search['chosen']} was chosen by validation view AUROC, {number(search['score'])}; "
        f"{default}.",
    ]
    if search["num_failed"]:
        sentences.append(f"{count(search['num_failed'], 'trials')} failed without a score.")
    if search["num_trials"] > 1:
        sentences.append(
            "The validation numbers are optimistic (selection bias): they are those of the best of "
            f"{search['num_trials']} trials."
        )
    if "test" in run.by_role:
        sentences.append(
            "The test set was not used for the choice and was evaluated once, so its numbers are "
            "not biased by the search."
        )
    return " ".join(sentences)


def on_candidates(run: SavedRun) -> str:
    """Describe the candidates of a cross-validation, the choice and the final model."""
    num, is_tested = run.metrics["num_candidates"], "test" in run.by_role
    sentences = (
        [
            f"{num} candidates were compared on the same folds of the train split.",
            f"{run.model} was chosen by pooled out-of-fold view AUROC.",
        ]
        if num > 1
        else [f"{run.model} was cross-validated on the train split."]
    )
    if nested := run.metrics["nested"]:
        sentences.append(_on_choice(run.metrics["out_of_fold"][run.model]["all"], nested))
    num_folds = len(run.metrics["folds"][run.model])
    if run.is_ensemble:
        sentences.append(
            f"The final model is the ensemble of its {num_folds} fold models: the mean of their "
            "probabilities."
        )
    else:
        sentences.append(
            "The final model was trained on the whole train split."
            # a head has no epochs to stop early
            if run.history.is_empty()
            else "The final model was trained on the train split, with a fifth of the patients "
            "held out for early stopping."
        )
    if is_tested:
        sentences.append("The test set was not used for any choice and was evaluated once.")
    return " ".join(sentences)


def _on_choice(pooled: Measures, nested: Measures) -> str:
    return (
        "The score of the best of several candidates is too good (selection bias). With the "
        "candidate of each fold chosen on the other folds only, the view AUROC is "
        f"{estimate(nested, 'view', 'auroc')} instead of {number(pooled['view_auroc'])}, and the "
        f"study AUROC {estimate(nested, 'study', 'auroc')} instead of "
        f"{number(pooled['study_auroc'])}."
    )
