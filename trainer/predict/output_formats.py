"""Output formats of predictions: tables, JSON and CSV."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from shared.console import format_table
from shared.printable import printable_lines

_CSV_COLUMNS = (
    *("level", "study", "path", "num_views"),
    *("probability", "calibrated_probability", "low", "high"),
    *("threshold", "calibrated_threshold", "distance_percentile"),
    *("decision", "unlike", "note", "error"),
)


@dataclass(frozen=True)
class Predictions:
    """The predictions for views and studies, and the views that could not be read.

    Attributes:
        views: first table of `trainer.inference.study_predictions.predict_studies`.
        unread: `path`, `study`, `reason`, `detail` of each view that could not be read.
    """

    run: str
    views: pl.DataFrame
    studies: pl.DataFrame
    unread: pl.DataFrame


def _print_table(predictions: Predictions) -> None:
    header = ("probability", "threshold", "similar, abnormal", "decision")
    if predictions.views.height:
        views = predictions.views
        rows, percentiles = _rows(views, "path"), views["distance_percentile"]
        # a run of a whole network has no reference to measure distances from
        added = () if percentiles.is_null().all() else ("distance percentile",)
        if added:
            shown = zip(rows, percentiles, views["unlike"], strict=True)
            rows = ([*row, f"{p:.1f}{' unlike' if unlike else ''}"] for row, p, unlike in shown)
        print(format_table("views", ("view", *header, *added), rows))
        print(
            format_table(
                "studies", ("study", "views", *header), _rows(predictions.studies, "study")
            )
        )
    if predictions.unread.height:
        unread = predictions.unread.drop("study")
        print(format_table("not read", unread.columns, unread.iter_rows()))


def _rows(table: pl.DataFrame, key: str) -> Iterator[list[str]]:
    for row in table.iter_rows(named=True):
        num_views = [str(row["num_views"])] if "num_views" in row else []
        interval = "" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}"
        yield [
            row[key],
            *num_views,
            f"{row['calibrated_probability']:.3f}",
            f"{row['calibrated_threshold']:.3f}",
            interval,
            row["decision"],
        ]


def to_json(predictions: Predictions) -> str:
    """Return one JSON object: `run`, and `views`, `studies` and `unread` as lists of objects."""
    tables = {
        name: getattr(predictions, name).to_dicts() for name in ("views", "studies", "unread")
    }
    return json.dumps({"run": predictions.run, **tables}, indent=2)


def _print_json(predictions: Predictions) -> None:
    print(printable_lines(to_json(predictions)))


def _print_csv(predictions: Predictions) -> None:
    """Print one CSV table; the column `level` is `view` or `study`."""
    unread = predictions.unread.select(
        "path", "study", error=pl.col("reason") + ": " + pl.col("detail")
    )
    # CSV writes null as nothing, and an empty string as two quotes
    noted = predictions.views.with_columns(pl.col("note").replace("", None))
    views = pl.concat([noted, unread], how="diagonal_relaxed")
    levels = {"view": views, "study": predictions.studies}
    table = pl.concat(
        [rows.with_columns(level=pl.lit(name)) for name, rows in levels.items()],
        how="diagonal_relaxed",
    )
    print(printable_lines(table.select(_CSV_COLUMNS).write_csv().rstrip("\n")))


PRINTERS = {"table": _print_table, "json": _print_json, "csv": _print_csv}
