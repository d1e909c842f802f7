"""The figures of the page, with names and captions."""

from collections.abc import Iterator

import polars as pl
from matplotlib.figure import Figure

from trainer.eda import counts, figures, pixels
from trainer.report.figures.svg import to_svg
from trainer.report.template import Plot, inline

_ON_SPREAD = (
    "Dot: median. Thick line: interquartile range. Thin line: 5th to 95th percentile. "
    "A difference between normal and abnormal here is a shortcut that a model can learn "
    "instead of anatomy."
)


def draw(manifest: pl.DataFrame, folds: pl.DataFrame | None) -> dict[str, Iterator[Plot]]:
    """Draw every figure of the page, by section; `folds` is None if they cannot be drawn."""
    return {
        "counts": _draw_counts(manifest),
        "sizes": _draw_sizes(manifest),
        "sources": _draw_sources(manifest),
        "pixels": _draw_pixels(manifest),
        "folds": _draw_folds(folds),
    }


def _draw_counts(manifest: pl.DataFrame) -> Iterator[Plot]:
    table = counts.count_by_label(manifest)
    for unit in counts.UNITS:
        for split in counts.present_splits(manifest):
            twice = " A patient with both labels is counted twice." * (unit == "patients")
            caption = f"{unit.capitalize()} of the {split} split by body part and label.{twice}"
            yield _plot(f"{unit}_{split}", figures.bars_by_part(table, unit, split), caption)


def _draw_sizes(manifest: pl.DataFrame) -> Iterator[Plot]:
    table = counts.count_views_a_study(manifest)
    caption = "Number of views per study, as a share of the studies of a split."
    yield _plot("views_a_study", figures.sizes(table, "views", "studies"), caption)
    table = counts.count_studies_a_patient(manifest)
    caption = "Number of studies per patient, as a share of the patients of a split."
    yield _plot("studies_a_patient", figures.sizes(table, "studies", "patients"), caption)


def _draw_sources(manifest: pl.DataFrame) -> Iterator[Plot]:
    caption = "Width and height of the source files; the area of a dot is the number of views."
    yield _plot("sizes", figures.source_sizes(pixels.bin_sizes(manifest)), caption)


def _draw_pixels(manifest: pl.DataFrame) -> Iterator[Plot]:
    for column, name, unit in (
        ("mean", "Brightness", "mean of the stored pixels of a view, 0 to 255"),
        ("std", "Contrast", "standard deviation of the stored pixels of a view"),
    ):
        table = pixels.spread(manifest, column, ["body_part", "label"])
        yield _plot(name.lower(), figures.spreads(table, name, unit), _ON_SPREAD)


def _draw_folds(folds: pl.DataFrame | None) -> Iterator[Plot]:
    if folds is not None:
        caption = (
            "Share of abnormal views held out by each fold; folds are balanced if dots overlap."
        )
        yield _plot("fold_balance", figures.fold_balance(folds), caption)


def _plot(name: str, figure: Figure, caption: str) -> Plot:
    return inline(to_svg(figure), name, caption)
