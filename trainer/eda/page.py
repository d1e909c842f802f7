"""The page of a lake: tables, figures and contact sheet in one self-contained file."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from shared.labels import LABEL_NAMES, order_parts
from shared.lake.open import Lake
from trainer.eda import captions, counts, data_quality, pixels, summary_text
from trainer.eda.contact_sheet import Thumbnail
from trainer.options import EdaOptions
from trainer.report.template import render
from trainer.report.text import formatting

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def make_page(
    lake: Lake,
    options: EdaOptions,
    folds: pl.DataFrame | None,
    on_folds: str,
    thumbnails: list[Thumbnail],
) -> str:
    """Return the page; `on_folds` is the reason if `folds` cannot be drawn."""
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
        plots={name: list(plots) for name, plots in captions.draw(manifest, folds).items()},
        thumbnails=thumbnails,
        label_names=LABEL_NAMES,
        # without `images` and `out`, the page is the same wherever it is written
        options={"k": options.k, "seed": options.seed},
        image=dataclasses.asdict(lake.image),
    )


def _describe_views(manifest: pl.DataFrame) -> dict[str, Any]:
    parts = order_parts(manifest["body_part"])
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
    by_part: dict[str, dict[str, dict[str, int | float]]] = {}
    for row in pixels.sort_by_part(table, []).to_dicts():
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
    return [
        {row["body_part"]: row for row in fold.to_dicts()}
        for fold in folds.partition_by("fold", maintain_order=True)
    ]
