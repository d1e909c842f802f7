"""The page of a lake: tables, figures, sentences and contact sheet in one self-contained file."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from shared.counts import count
from shared.labels import LABEL_NAMES, order_parts
from shared.lake.open import Lake
from trainer.eda import captions, counts, data_quality, pixels
from trainer.options import EdaOptions
from trainer.report.figures.svg import to_plots
from trainer.report.template import render
from trainer.report.text import formatting

_TEMPLATE = Path(__file__).with_name("page.html.j2")

# of the columns of `count_patients`
_PATIENT_NAMES = {
    "several_views": "with several views",
    "several_studies": "with several studies",
    "several_parts": "with several body parts",
    "both_labels": "with both labels",
    "both_labels_of_a_part": "with both labels of one body part",
    "shared_images": "sharing an image with another patient",
}


def make_page(
    lake: Lake,
    options: EdaOptions,
    folds: pl.DataFrame | None,
    on_folds: str,
    thumbnails: Sequence[dict[str, Any]],
) -> str:
    """Return the page; `on_folds` is the reason if `folds` cannot be drawn."""
    return render(
        _TEMPLATE,
        **_describe_views(lake.manifest),
        lake=lake,
        patient_names=_PATIENT_NAMES,
        channel_names=pixels.CHANNEL_NAMES,
        copy_names=data_quality.COPIES,
        findings=data_quality.count_kinds(lake.findings, "kind").to_dicts(),
        rejects=data_quality.count_kinds(lake.rejects, "reason").to_dicts(),
        folds=[] if folds is None else list(_nest(folds, "fold", "body_part").values()),
        on_folds=on_folds,
        plots={key: to_plots(drawn) for key, drawn in captions.draw(lake.manifest, folds).items()},
        thumbnails=thumbnails,
        label_names=LABEL_NAMES,
        # without `images` and `out`, the page is the same wherever it is written
        options={"k": options.k, "seed": options.seed},
        image=dataclasses.asdict(lake.image),
    )


def _describe_views(manifest: pl.DataFrame) -> dict[str, Any]:
    parts = order_parts(manifest["body_part"])
    by_part = _nest(counts.count_by_part(manifest), "body_part", "split")
    return {
        "title": formatting.part_name(parts),
        "parts": parts,
        "splits": counts.present_splits(manifest),
        "channels": sorted(manifest["channels"].unique()),
        "sentences": headline(manifest),
        "on_patients": _on_patients(manifest),
        "by_part": {part: by_part[part] for part in order_parts(by_part)},
        "patients": counts.count_patients(manifest).to_dicts(),
        "sources": list(_list_sources(manifest)),
        "copies": data_quality.count_copies(manifest).to_dicts(),
    }


def _nest(table: pl.DataFrame, outer: str, inner: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return rows by the values of two columns, in the order of the table."""
    nested: dict[str, dict[str, dict[str, Any]]] = {}
    for row in table.iter_rows(named=True):
        nested.setdefault(row[outer], {})[row[inner]] = row
    return nested


def _list_sources(manifest: pl.DataFrame) -> Iterator[dict[str, object]]:
    channels = pixels.count_channels(manifest)
    widths, heights = (
        pixels.spread(manifest, column, ["body_part"]).to_dicts()
        for column in ("width_px", "height_px")
    )
    for width, height in zip(widths, heights, strict=True):
        own = channels.filter(body_part=width["body_part"]).select("channels", "views")
        yield {"width": width, "height": height, "channels": dict(own.iter_rows())}


def headline(manifest: pl.DataFrame) -> list[str]:
    """Summarize each split: counts and the accuracy of the majority class."""
    return [_on_split(manifest, split) for split in counts.present_splits(manifest)]


def _on_split(manifest: pl.DataFrame, split: str) -> str:
    views = manifest.filter(split=split)
    amounts = views.select(**counts.UNITS).row(0, named=True)
    counted = ", ".join(count(amount, unit) for unit, amount in amounts.items())
    abnormal = views["label"].to_numpy().mean()
    label = LABEL_NAMES[int(abnormal > 0.5)]
    return (
        f"{split.capitalize()}: {counted}. {formatting.percent(abnormal)} of the views are "
        f"abnormal; always predicting “{label}” has an accuracy of "
        f"{formatting.percent(max(abnormal, 1 - abnormal))}."
    )


def _on_patients(manifest: pl.DataFrame) -> list[str]:
    """Warn of patients on both sides of a split."""
    if manifest["patient_id"].n_unique() == manifest.height:
        return [
            "Each view counts as a patient of its own, because this lake has no patient ids. "
            "Views of the same patient may be on both sides of a split."
        ]
    num_both = counts.count_patients_in_both_splits(manifest)
    if num_both:
        return [
            f"{count(num_both, 'patients')} {'has' if num_both == 1 else 'have'} views in train "
            "and in valid; training excludes their train views."
        ]
    if len(counts.present_splits(manifest)) == 2:
        return ["No patient has views in both splits."]
    return []
