"""The page of `compare`: metrics of each run, and the differences of all pairs."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from trainer.evaluation.bootstrap import NUM_RESAMPLES
from trainer.evaluation.estimates import estimate
from trainer.evaluation.paired import METRICS, Difference, Model
from trainer.options import CompareOptions
from trainer.report import formatting
from trainer.report.comparison_text import (
    conclude,
    describe_p_value,
    describe_set,
    describe_views,
    fine_interval,
    list_warnings,
)
from trainer.report.figures.differences import draw_differences
from trainer.report.figures.svg import to_svg
from trainer.report.template import Plot, inline, render
from trainer.runs.evaluation_folder import SavedPredictions

_TEMPLATE = Path(__file__).with_name("comparison.html.j2")


def make_comparison_page(
    options: CompareOptions,
    role: str,
    models: Sequence[Model],
    saved: Sequence[SavedPredictions],
    differences: Sequence[Difference],
) -> str:
    """Return a self-contained HTML page.

    Args:
        options: options of the command.
        role: compared set.
        models: models with their rows of the common views.
        saved: the runs, in the order of `models`.
        differences: of all pairs.
    """
    by_pair = groupby(
        sorted(differences, key=lambda d: (d.first, d.second)), lambda d: (d.first, d.second)
    )
    pairs = [(*names, list(own)) for names, own in by_pair]
    plots: list[Plot] = []
    for index, (first, second, own) in enumerate(pairs):
        caption = (
            f"{first} minus {second}, with 95 % CI. Left of the line, {second} has the higher "
            "value; for the Brier score, lower is better."
        )
        plots.append(inline(to_svg(draw_differences(own)), f"pair{index}", caption))
    return render(
        _TEMPLATE,
        options=options,
        set=describe_set(role),
        role=role,
        views=describe_views(models, saved, role),
        conclusion=conclude(models, differences),
        warnings=list_warnings(models, saved),
        runs=[
            {
                "name": model.name,
                "folder": str(each.folder),
                "model": model.decision.model,
                "measures": estimate(model.scored, model.decision, options.seed),
            }
            for model, each in zip(models, saved, strict=True)
        ],
        pairs=pairs,
        names=METRICS,
        num_resamples=NUM_RESAMPLES,
        as_p_value=describe_p_value,
        as_fine_interval=fine_interval,
        title=formatting.count(len(models), "runs"),
        plots=plots,
    )
