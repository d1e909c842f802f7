"""Results printed by commands: a comparison of candidates, the main numbers of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.console import say, show_table
from shared.counts import count
from trainer.evaluation.comparing.comparison import COMPARED, summarize
from trainer.evaluation.metrics import Measures
from trainer.report.text.formatting import estimate, number, set_name
from trainer.runs.saved.open import open_saved_run


def show_comparison(
    pooled: Mapping[str, Measures], folds: Mapping[str, Sequence[Measures]]
) -> None:
    """Print a table of all candidates for each metric of the comparison."""
    num_folds = max(map(len, folds.values()))
    header = ["candidate", *(f"fold {n + 1}" for n in range(num_folds)), "mean", "SD", "pooled"]
    for key, title in COMPARED.items():
        rows: list[list[str]] = []
        for name, measures in pooled.items():
            summary = summarize(folds[name])[key]
            values = [*(fold[key] for fold in folds[name]), *summary.values(), measures[key]]
            rows.append([name, *map(number, values)])
        show_table(f"{title}, out-of-fold", header, rows)


def print_results(folder: Path) -> None:
    """Print the main numbers of a finished run, in the order of the report, and its path."""
    run = open_saved_run(str(folder))
    for role, by_part in run.by_role.items():
        say(describe_measures(set_name(role), by_part["all"]))
    say(f"report: {folder / 'report.html'}")


def describe_measures(name: str, measures: Measures) -> str:
    """Return the main numbers of a set in one line, with their intervals."""
    return (
        f"{name}: {count(measures['num_views'], 'views')} of "
        f"{count(measures['num_studies'], 'studies')}: "
        f"view AUROC {estimate(measures, 'view', 'auroc')}, "
        f"study AUROC {estimate(measures, 'study', 'auroc')}, "
        f"view accuracy {estimate(measures, 'view', 'accuracy')} "
        f"(majority class: {number(measures['view_majority_accuracy'])}), "
        f"study kappa {estimate(measures, 'study', 'kappa')}"
    )
