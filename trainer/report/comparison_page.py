"""The page of `compare`: metrics of each run, and the differences of all pairs."""

from collections.abc import Sequence
from pathlib import Path

from trainer.evaluation.bootstrap import NUM_RESAMPLES
from trainer.evaluation.comparing.paired import METRICS, Difference, Model
from trainer.evaluation.estimates import estimate
from trainer.options import CompareOptions
from trainer.report.figures.comparisons import draw_differences
from trainer.report.figures.svg import to_plots
from trainer.report.template import render
from trainer.report.text import formatting
from trainer.report.text.comparison_text import (
    conclude,
    describe_p_value,
    describe_views,
    fine_interval,
    list_warnings,
)
from trainer.runs.evaluation_folder import SavedPredictions

_TEMPLATE = Path(__file__).with_name("comparison.html.j2")


def make_comparison_page(
    options: CompareOptions,
    role: str,
    models: Sequence[Model],
    saved: Sequence[SavedPredictions],
    differences: Sequence[Difference],
) -> str:
    """Return a self-contained HTML page."""
    # in the order of the command line
    names = dict.fromkeys((each.first, each.second) for each in differences)
    pairs = [(*pair, [d for d in differences if (d.first, d.second) == pair]) for pair in names]
    plots = {
        f"pair{index}": (
            draw_differences(own),
            f"{first} minus {second}, with 95 % CI. Left of the line, {second} has the higher "
            "value; for the Brier score, lower is better.",
        )
        for index, (first, second, own) in enumerate(pairs)
    }
    return render(
        _TEMPLATE,
        options=options,
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
        plots=to_plots(plots),
    )
