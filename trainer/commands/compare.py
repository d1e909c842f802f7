"""Compare finished runs on the views that all of them predicted."""

from collections.abc import Iterator, Sequence

from shared.console import delivering, note, say, show_table
from shared.errors import TrainingError
from shared.storage.atomic import write_atomically
from shared.storage.store import as_path
from trainer.evaluation.comparing.common_views import restrict_to_common
from trainer.evaluation.comparing.paired import METRICS, Difference, Model, compare_models
from trainer.options import CompareOptions
from trainer.report.text.comparison_text import (
    conclude,
    describe_p_value,
    describe_views,
    fine_interval,
    list_warnings,
)
from trainer.report.text.formatting import number, set_name
from trainer.runs.evaluation_folder import SavedPredictions, open_predictions

_SETS = ("out_of_fold", "test", "validation")


def compare(options: CompareOptions) -> None:
    """Print the differences of all pairs of runs and a conclusion, and write a page on request."""
    saved = [open_predictions(run) for run in options.runs]
    role, models = _find_common(saved, options)
    warnings = list_warnings(models, saved)
    for warning in warnings:
        note(f"warning: {warning}")
    differences = compare_models(models, options.seed)
    conclusion = conclude(models, differences)
    with delivering():
        say(f"{set_name(role)} predictions: {describe_views(models, saved, role)}")
        header = ["by", "metric", "first", "second", "difference", "95 % CI", "p"]
        if len(models) > 2:
            header = [*header, "p, Holm"]
        for pair in dict.fromkeys((d.first, d.second) for d in differences):
            own = [d for d in differences if (d.first, d.second) == pair]
            show_table(f"{pair[0]} (first) and {pair[1]} (second)", header, _list_rows(own, header))
        say(conclusion)
    if options.out:
        # late, as it imports matplotlib
        from trainer.report.comparison_page import make_comparison_page

        page = make_comparison_page(options, role, models, saved, differences)
        path = as_path("out", options.out)
        write_atomically(path, page.encode())
        say(f"report: {path}")


def _find_common(
    saved: Sequence[SavedPredictions], options: CompareOptions
) -> tuple[str, list[Model]]:
    # folders of the same name in different places need their whole paths
    names = [each.folder.name for each in saved]
    if len({*names}) < len(names):
        names = [str(each.folder) for each in saved]
    for role in _SETS if options.set == "auto" else (options.set,):
        tables = restrict_to_common([each.scored.filter(role=role) for each in saved])
        if tables[0].height:
            models = [
                Model(name, each.decision, table)
                for name, each, table in zip(names, saved, tables, strict=True)
            ]
            return role, models
    found = "; ".join(
        f"{name}: {', '.join(f'{r} {n:,}' for r, n in sorted(_count(each).items()))}"
        for name, each in zip(names, saved, strict=True)
    )
    raise TrainingError(
        f"Expected runs with predictions of the same views, set={options.set}. Received: {found}"
    )


def _count(saved: SavedPredictions) -> dict[str, int]:
    return dict(saved.scored.group_by("role").len().iter_rows())


def _list_rows(differences: Sequence[Difference], header: Sequence[str]) -> Iterator[list[str]]:
    for found in differences:
        cells = [
            found.level,
            METRICS[found.metric],
            *map(number, found.values),
            number(found.difference),
            fine_interval(found.bounds),
            describe_p_value(found.p_value),
            describe_p_value(found.corrected),
        ]
        yield cells[: len(header)]
