"""The page of a lake: tables, figures and contact sheet in one self-contained file."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from shared.labels import BODY_PARTS, LABEL_NAMES
from shared.lake.open import Lake
from trainer.eda import counts, data_quality, figures, pixels, summary_text
from trainer.eda.contact_sheet import Thumbnail
from trainer.options import EdaOptions
from trainer.report import formatting
from trainer.report.figures.svg import to_svg
from trainer.report.template import Plot, inline, render

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_ON_SPREAD = (
    "Dot: median. Thick line: interquartile range. Thin line: 5th to 95th percentile. "
    "A difference between normal and abnormal here is a shortcut that a model can learn "
    "instead of anatomy."
)


def make_page(
    lake: Lake,
    options: EdaOptions,
    folds: pl.DataFrame | None,
    on_folds: str,
    thumbnails: list[Thumbnail],
) -> str:
    """Return the page.

    Args:
        lake: an opened lake with at least one view.
        options: options of the command.
        folds: as from `trainer.eda.folds.balance`; None if they cannot be drawn.
        on_folds: the reason, if they cannot be drawn.
        thumbnails: images of the contact sheet; without them, there is no sheet.
    """
    manifest = lake.manifest
    return render(
        _TEMPLATE,
        **_describe_views(manifest),
        lake=lake,
        patient_names=summary_text.PATIENT_NAMES,
        channel_names=pixels.CHANNEL_NAMES,
        copy_names=data_quality.COPIES,
        findings=data_quality.count_kinds(lake.findings, "kind").to_dicts(),
        rejects=data_quality.count_kinds(lake.rejects, "reason").to_dicts(),
        folds=[] if folds is None else _list_folds(folds),
        on_folds=on_folds,
        plots={name: list(plots) for name, plots in _draw(manifest, folds).items()},
        thumbnails=thumbnails,
        label_names=LABEL_NAMES,
        # without `images` and `out`, the page is the same wherever it is written
        options={"k": options.k, "seed": options.seed},
        image=dataclasses.asdict(lake.image),
    )


def _describe_views(manifest: pl.DataFrame) -> dict[str, Any]:
    parts = counts.present_parts(manifest)
    return {
        "title": formatting.part_name(parts),
        "parts": parts,
        "splits": counts.present_splits(manifest),
        "channels": sorted(manifest["channels"].unique()),
        "sentences": summary_text.headline(manifest),
        "on_patients": summary_text.on_patients(manifest),
        "by_part": _list_parts(counts.count_by_part(manifest)),
        "patients": counts.count_patients(manifest).to_dicts(),
        "sources": list(_list_sources(manifest)),
        "copies": data_quality.count_copies(manifest).to_dicts(),
    }


def _list_parts(table: pl.DataFrame) -> dict[str, dict[str, dict[str, int | float]]]:
    """Return counts by part, then by split."""
    by_part: dict[str, dict[str, dict[str, int | float]]] = {}
    for row in table.sort(pl.col("body_part").cast(pl.Enum([*BODY_PARTS, "all"]))).to_dicts():
        by_part.setdefault(row["body_part"], {})[row["split"]] = row
    return by_part


def _list_sources(manifest: pl.DataFrame) -> Iterator[dict[str, object]]:
    channels = pixels.count_channels(manifest)
    widths = pixels.spread(manifest, "width_px", ["body_part"])
    heights = pixels.spread(manifest, "height_px", ["body_part"])
    for width, height in zip(widths.to_dicts(), heights.to_dicts(), strict=True):
        own = channels.filter(body_part=width["body_part"])
        by_channels = dict(own.select("channels", "views").iter_rows())
        yield {"width": width, "height": height, "channels": by_channels}


def _list_folds(folds: pl.DataFrame) -> list[dict[str, dict[str, int | float]]]:
    """Return the counts of each fold, by part."""
    return [
        {row["body_part"]: row for row in fold.to_dicts()}
        for fold in folds.partition_by("fold", maintain_order=True)
    ]


def _draw(manifest: pl.DataFrame, folds: pl.DataFrame | None) -> dict[str, Iterator[Plot]]:
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
