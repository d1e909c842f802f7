"""The figures of the page, with names and captions."""

import polars as pl

from trainer.eda import counts, figures, pixels
from trainer.report.figures.svg import Captioned

_ON_SPREAD = (
    "Dot: median. Thick line: interquartile range. Thin line: 5th to 95th percentile. "
    "A difference between normal and abnormal here is a shortcut that a model can learn "
    "instead of anatomy."
)
_ON_FOLDS = "Share of abnormal views held out by each fold; folds are balanced if dots overlap."
_STATISTICS = {
    "mean": ("Brightness", "mean of the stored pixels of a view, 0 to 255"),
    "std": ("Contrast", "standard deviation of the stored pixels of a view"),
}


def draw(manifest: pl.DataFrame, folds: pl.DataFrame | None) -> dict[str, dict[str, Captioned]]:
    """Draw every figure of the page, by section; `folds` is None if they cannot be drawn."""
    return {
        "counts": _draw_counts(manifest),
        "sizes": {
            "views_a_study": (
                figures.sizes(counts.count_views_a_study(manifest)),
                "Number of views per study, as a share of the studies of a split.",
            ),
            "studies_a_patient": (
                figures.sizes(counts.count_studies_a_patient(manifest)),
                "Number of studies per patient, as a share of the patients of a split.",
            ),
        },
        "sources": {
            "sizes": (
                figures.source_sizes(pixels.bin_sizes(manifest)),
                "Width and height of the source files; the area of a dot is the number of views.",
            )
        },
        "pixels": {
            name.lower(): (figures.spreads(pixels.spread(manifest, column), name, unit), _ON_SPREAD)
            for column, (name, unit) in _STATISTICS.items()
        },
        "folds": {}
        if folds is None
        else {"fold_balance": (figures.fold_balance(folds), _ON_FOLDS)},
    }


def _draw_counts(manifest: pl.DataFrame) -> dict[str, Captioned]:
    table, drawn = counts.count_by_label(manifest), dict[str, Captioned]()
    for unit in counts.UNITS:
        twice = " A patient with both labels is counted twice." * (unit == "patients")
        for split in counts.present_splits(manifest):
            caption = f"{unit.capitalize()} of the {split} split by body part and label.{twice}"
            drawn[f"{unit}_{split}"] = figures.bars_by_part(table, unit, split), caption
    return drawn
