"""The report of `evaluate`: a model's results on another lake, as one page."""

from pathlib import Path

from shared.labels import order_parts
from shared.storage.atomic import write_atomically
from trainer.evaluation.decisions.decision import BASES
from trainer.evaluation.scored_table import LEVELS
from trainer.report.figures.captions import draw_reliability, draw_result
from trainer.report.figures.svg import to_plots
from trainer.report.official_valid import is_official_valid
from trainer.report.template import render
from trainer.report.text import formatting, methods, summary
from trainer.runs.evaluation_folder import Evaluation

_TEMPLATE = Path(__file__).with_name("evaluation.html.j2")


def write_evaluation_report(folder: Path, evaluation: Evaluation) -> None:
    """Write `figures/*.svg` and `report.html`, a self-contained page, into a folder."""
    by_part, scored = evaluation.by_part, evaluation.scored
    drawn = {
        "result": draw_result(scored, by_part, "evaluation"),
        "reliability": dict(draw_reliability(scored, evaluation.decision)),
    }
    parts = order_parts(scored["body_part"])
    trained = evaluation.config["run"]["trained_parts"]
    measures, bootstrap = by_part["all"], evaluation.metrics["bootstrap"]
    page = render(
        _TEMPLATE,
        config=evaluation.config,
        title=formatting.part_name(parts),
        measures=measures,
        by_part=by_part,
        calibration=evaluation.metrics["calibration"],
        sentences=summary.headline(measures, " of this lake"),
        majority_label=summary.majority_label(measures),
        warning=methods.on_overlap(evaluation.metrics["overlap"]),
        untrained=[part for part in parts if part not in trained],
        on_intervals=methods.on_intervals(by_part, bootstrap["num_resamples"]),
        rules={level: evaluation.decision.rule(level) for level in LEVELS},
        bases=BASES,
        learnt_on=evaluation.decision.learnt_on,
        num_fits=bootstrap["num_resamples_calibration"],
        is_official=is_official_valid(scored),
        plots={section: to_plots(plots, folder / "figures") for section, plots in drawn.items()},
    )
    write_atomically(folder / "report.html", page.encode())
