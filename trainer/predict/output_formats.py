"""Output formats of predictions: tables, JSON and CSV."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from shared.console import format_table
from shared.printable import printable_lines

_NUMBERS = (
    "probability",
    "calibrated_probability",
    "low",
    "high",
    "threshold",
    "calibrated_threshold",
)


@dataclass(frozen=True)
class Answers:
    """The predictions for views and studies, and the views that could not be read.

    Attributes:
        run: name of the run folder.
        views: as from `trainer.inference.study_predictions.answer`.
        studies: likewise.
        unread: `path`, `study`, `reason`, `detail` of each view that could not be read.
    """

    run: str
    views: pl.DataFrame
    studies: pl.DataFrame
    unread: pl.DataFrame


def print_table(answers: Answers) -> None:
    """Print tables of views, studies and, if there are any, unread files.

    Probabilities and thresholds are calibrated.
    """
    header = ("probability", "threshold", "similar, abnormal", "answer")
    if answers.views.height:
        print(format_table("views", ("view", *header), _rows(answers.views, "path")))
        print(format_table("studies", ("study", "views", *header), _rows(answers.studies, "study")))
    if answers.unread.height:
        unread = answers.unread.drop("study")
        print(format_table("not read", unread.columns, unread.iter_rows()))


def _rows(table: pl.DataFrame, key: str) -> Iterator[list[str]]:
    for row in table.iter_rows(named=True):
        more = [str(row["num_views"])] if "num_views" in row else []
        known = row["low"] is not None
        interval = f"{row['low']:.2f} to {row['high']:.2f}" if known else ""
        probability, threshold = row["calibrated_probability"], row["calibrated_threshold"]
        yield [row[key], *more, f"{probability:.3f}", f"{threshold:.3f}", interval, row["answer"]]


def to_json(answers: Answers) -> str:
    """Return one JSON object: `run`, and `views`, `studies` and `unread` as lists of objects."""
    tables = {name: getattr(answers, name).to_dicts() for name in ("views", "studies", "unread")}
    return json.dumps({"run": answers.run, **tables}, indent=2)


def print_json(answers: Answers) -> None:
    """Print the JSON object of `to_json`."""
    print(printable_lines(to_json(answers)))


def print_csv(answers: Answers) -> None:
    """Print one CSV table; the column `level` is `view` or `study`."""
    unread = answers.unread.select(
        "path", "study", error=pl.col("reason") + ": " + pl.col("detail")
    )
    views = pl.concat([answers.views, unread], how="diagonal_relaxed")
    levels = {"view": views, "study": answers.studies}
    table = pl.concat(
        [rows.with_columns(level=pl.lit(name)) for name, rows in levels.items()],
        how="diagonal_relaxed",
    )
    columns = ("level", "study", "path", "num_views", *_NUMBERS, "answer", "error")
    print(printable_lines(table.select(columns).write_csv().rstrip("\n")))


PRINTERS = {"table": print_table, "json": print_json, "csv": print_csv}
"""The print function of each output format."""
