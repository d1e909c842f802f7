"""The report: a run folder's tables become `metrics.json`, figures and one self-contained page."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from shared.files import write_atomically
from shared.vocabulary import BODY_PARTS, LABEL_NAMES
from trainer.metrics import Measures
from trainer.report import notes, words
from trainer.report.plots import draw
from trainer.report.run import Run, read_run
from trainer.report.svg import to_svg
from trainer.report.template import Plot, inline, render

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_NUM_MISTAKES = 10


def write_report(folder: Path) -> Path:
    """Write `metrics.json`, `figures/*.svg` and `report.html` into a run folder.

    Args:
        folder: holds `config.json`, `decision.json`, `history.parquet` and `predictions.parquet`
            (a scored table).

    Returns:
        The path of `report.html`: one page that loads nothing else.

    Raises:
        TrainingError: a file is missing, or there are no predictions.
    """
    run = read_run(folder)
    write_atomically(folder / "metrics.json", _encode_json(run.metrics))
    sections = {
        section: [_write_plot(folder, name, *plot) for name, plot in plots.items()]
        for section, plots in draw(run).items()
    }
    report = folder / "report.html"
    write_atomically(report, _render(run, sections).encode())
    return report


def _encode_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def _write_plot(folder: Path, name: str, figure: Figure, caption: str) -> Plot:
    svg = to_svg(figure)
    write_atomically(folder / "figures" / f"{name}.svg", svg.encode())
    return inline(svg, name, caption)


def _render(run: Run, sections: Mapping[str, list[Plot]]) -> str:
    role, by_part = run.headline
    parts = [part for part in BODY_PARTS if part in set(run.scored["body_part"])]
    return render(
        _TEMPLATE,
        run=run,
        plots=sections,
        role=role,
        role_names=words.ROLE_NAMES,
        measures=by_part["all"],
        title=words.part_name(parts),
        sentences=words.headline(by_part["all"]),
        commoner=words.commoner_label(by_part["all"]),
        on_patients=notes.on_patients(run.scored),
        on_intervals=notes.on_intervals(by_part, run.metrics["bootstrap"]["num_resamples"]),
        on_decision=notes.on_decision(run.decision, role),
        on_missing_test="" if "test" in run.by_role else notes.on_missing_test(parts),
        candidates=list(_list_candidates(run)) if run.is_cv else [],
        on_candidates=notes.on_candidates(run) if run.is_cv else "",
        fitting=_describe_fitting(run),
        mistakes=_list_mistakes(run.rows(role)),
        label_names=LABEL_NAMES,
    )


def _list_candidates(run: Run) -> Iterator[Measures]:
    """Yield each candidate's row: pooled measures, and mean and spread over folds."""
    for name, by_part in run.metrics["out_of_fold"].items():
        yield {
            **by_part["all"],
            "name": name,
            "over_folds": run.metrics["over_folds"][name],
            "is_chosen": name == run.model,
        }


def _describe_fitting(run: Run) -> str:
    """Say how long the final model was fitted, and which epoch was kept."""
    kept = run.fitted.filter("is_best")["epoch"]
    if kept.is_empty():
        return ""
    # a head reads embeddings, no images
    speed = run.fitted.drop_nulls("train_s")["images_per_s"].median()
    pace = f", at a median of {speed:,.0f} images/s" if isinstance(speed, float) else ""
    epochs = words.count(run.fitted.height, "epochs")
    return f"Fitted for {epochs}{pace}; the weights of epoch {kept[0]} were kept."


def _list_mistakes(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the views answered wrong with most confidence, the worst first."""
    error = (pl.col("probability") - pl.col("label")).abs()
    wrong = (pl.col("probability") >= 0.5) != (pl.col("label") == 1)
    worst = rows.filter(wrong).sort(error, "view_id", descending=[True, False])
    return worst.head(_NUM_MISTAKES).to_dicts()
