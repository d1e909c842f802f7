"""The report of a run folder: `metrics.json`, figures, a page and a model card."""

from collections.abc import Mapping
from pathlib import Path

from shared.storage.atomic import write_atomically
from trainer.evaluation.scored_table import LEVELS, most_independent_set
from trainer.report import error_analysis
from trainer.report.figures.captions import draw
from trainer.report.figures.svg import Plot, to_plots
from trainer.report.model_card import describe_run, make_card
from trainer.report.official_valid import is_official_valid
from trainer.report.template import render
from trainer.report.text import methods, search_report, summary
from trainer.runs.results_writer import write_json
from trainer.runs.run_folder import CARD_FILE, METRICS_FILE
from trainer.runs.saved.open import open_new_run
from trainer.runs.saved.saved_run import SavedRun

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def write_report(folder: Path) -> Path:
    """Write `metrics.json`, `figures/*.svg`, `model_card.md` and `report.html` into a run folder.

    Args:
        folder: holds `config.json`, `decision.json`, `history.parquet` and `predictions.parquet`,
            and optionally the pictures of `trainer.explain.heat_map_files`.

    Returns:
        The path of `report.html`.

    Raises:
        TrainingError: a file is missing, or there are no predictions.
    """
    run = open_new_run(folder)
    write_json(folder / METRICS_FILE, run.metrics)
    figures = folder / "figures"
    plots = {section: to_plots(drawn, figures) for section, drawn in draw(run).items()}
    has_pictures = (folder / error_analysis.HEAT_MAPS).is_dir()
    write_atomically(folder / CARD_FILE, make_card(run, has_pictures).encode())
    report = folder / "report.html"
    write_atomically(report, _render(run, folder, plots).encode())
    return report


def _render(run: SavedRun, folder: Path, plots: Mapping[str, list[Plot]]) -> str:
    # heat maps are those of the final model, so the cases are from a set without its train views
    case_role, rows = most_independent_set(run.scored, run.model)
    mistakes, uncertain = (
        list(error_analysis.list_cases(level, rows, run.decision, folder)) for level in LEVELS
    )
    return render(
        _TEMPLATE,
        **describe_run(run),
        plots=plots,
        is_official=is_official_valid(run.scored.filter(model=run.model, role="test")),
        case_role=case_role,
        majority_label=summary.majority_label(run.headline[1]["all"]),
        on_missing_test="" if "test" in run.by_role else methods.on_missing_test(run.body_parts),
        trials=list(search_report.list_best(run)) if run.search else [],
        mistakes=mistakes,
        uncertain=uncertain,
        thresholds={level: run.decision.rule(level).calibrated_threshold for level in LEVELS},
        has_pictures=any(
            view["picture"] for case in (*mistakes, *uncertain) for view in case["views"]
        ),
    )
