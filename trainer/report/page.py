"""The report of a run folder: `metrics.json`, figures, a page and a model card."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from shared.storage.atomic import write_atomically
from trainer.evaluation.metrics import Measures
from trainer.evaluation.scored_table import LEVELS, most_independent_set
from trainer.report import error_analysis
from trainer.report.figures.captions import Captioned, draw
from trainer.report.figures.svg import to_svg
from trainer.report.model_card import describe_run, make_card
from trainer.report.template import Plot, inline, render
from trainer.report.text import formatting, methods, search_report, summary
from trainer.report.text.published import list_published, on_published
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
    sections = write_plots(folder, draw(run))
    has_pictures = (folder / error_analysis.HEAT_MAPS).is_dir()
    write_atomically(folder / CARD_FILE, make_card(run, has_pictures).encode())
    report = folder / "report.html"
    write_atomically(report, _render(run, folder, sections).encode())
    return report


def write_plots(
    folder: Path, drawn: Mapping[str, Mapping[str, Captioned]]
) -> dict[str, list[Plot]]:
    """Write all figures into `figures/`, and return those of each section for a page."""
    return {
        section: [_write_plot(folder, name, *plot) for name, plot in plots.items()]
        for section, plots in drawn.items()
    }


def _write_plot(folder: Path, name: str, figure: Figure, caption: str) -> Plot:
    svg = to_svg(figure)
    write_atomically(folder / "figures" / f"{name}.svg", svg.encode())
    return inline(svg, name, caption)


def _render(run: SavedRun, folder: Path, sections: Mapping[str, list[Plot]]) -> str:
    # heat maps are those of the final model, so the cases are from a set without its train views
    case_role, rows = most_independent_set(run.scored, run.model)
    mistakes = list(error_analysis.list_mistakes(rows, run.decision, folder))
    uncertain = list(error_analysis.list_uncertain(rows, run.decision, folder))
    published = list_published(run.scored.filter(model=run.model, role="test"))
    return render(
        _TEMPLATE,
        **describe_run(run),
        plots=sections,
        published=published,
        on_published=on_published(run.by_role["test"]["all"]) if published else "",
        case_role=case_role,
        role_names=formatting.ROLE_NAMES,
        majority_label=summary.majority_label(run.headline[1]["all"]),
        on_missing_test="" if "test" in run.by_role else methods.on_missing_test(run.body_parts),
        candidates=list(_list_candidates(run)) if run.is_cv else [],
        trials=list(search_report.list_best(run)) if run.search else [],
        mistakes=mistakes,
        uncertain=uncertain,
        thresholds={level: run.decision.rule(level).calibrated_threshold for level in LEVELS},
        on_pictures=methods.on_pictures(run, [*mistakes, *uncertain]),
    )


def _list_candidates(run: SavedRun) -> Iterator[Measures]:
    """Yield a row per candidate: pooled metrics, and mean and spread over folds."""
    for name, by_part in run.metrics["out_of_fold"].items():
        yield {
            **by_part["all"],
            "name": name,
            "over_folds": run.metrics["over_folds"][name],
            "is_chosen": name == run.model,
        }
