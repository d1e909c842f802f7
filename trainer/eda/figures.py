"""Figures of a lake: counts, image sizes, brightness and contrast, fold balance."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from shared.labels import order_parts
from trainer.eda.counts import MANY
from trainer.report.figures.svg import (
    INK,
    LABEL_COLOURS,
    MUTED,
    VIEW,
    add_legend_below,
    label_rows,
    panel,
)

_BAR = 0.36
_NUMBER: dict[str, Any] = {"va": "center_baseline", "fontsize": 9, "color": INK}
_SPLIT_COLOURS = {"train": MUTED, "valid": VIEW}
_LARGEST_DOT = 320


def bars_by_part(counts: pl.DataFrame, unit: str, split: str) -> Figure:
    """Draw the counts of `count_by_label` by body part, normal beside abnormal."""
    rows = counts.filter(split=split)
    parts = rows["body_part"].unique(maintain_order=True).to_list()
    figure, axes = panel(f"{unit.capitalize()}, {split}", "", "", 1.3 + 0.52 * len(parts))
    for label, (name, colour) in enumerate(LABEL_COLOURS.items()):
        values = rows.filter(label=label)[unit].to_numpy()
        middles = np.arange(len(parts)) + (label - 0.5) * _BAR
        style: dict[str, Any] = {"color": colour, "label": name, "linewidth": 0}
        axes.barh(middles, values, _BAR * 0.92, **style)
        for value, y in zip(values.tolist(), middles.tolist(), strict=True):
            axes.annotate(f"{value:,}", (value, y), (4, 0), "data", "offset points", **_NUMBER)
    # room for the numbers after the bars
    axes.set_xlim(0, max(1, int(rows[unit].max() or 0)) * 1.17)  # pyright: ignore[reportArgumentType]  # typed for all dtypes
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    label_rows(axes, parts)
    add_legend_below(figure)
    return figure


def sizes(table: pl.DataFrame) -> Figure:
    """Draw `count_views_a_study` or `count_studies_a_patient`, the splits side by side."""
    _, size, owners, _ = table.columns
    title = f"{size} per {'study' if owners == 'studies' else 'patient'}"
    figure, axes = panel(title.capitalize(), title, f"share of {owners}", 3.0)
    splits = table["split"].unique(maintain_order=True).to_list()
    for index, split in enumerate(splits):
        rows = table.filter(split=split)
        middles = rows[size].to_numpy() + (index - (len(splits) - 1) / 2) * _BAR
        style: dict[str, Any] = {"color": _SPLIT_COLOURS[split], "label": split, "linewidth": 0}
        axes.bar(middles, rows["share"].to_numpy(), _BAR * 0.92, **style)
    largest = max(table[size].to_list(), default=1)
    ticks = range(1, max(largest, 4) + 1)
    axes.set_xticks(ticks, [f"{tick}+" if tick == MANY else str(tick) for tick in ticks])
    axes.set_xlim(0.4, max(largest, 4) + 0.6)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(visible=False, axis="x")
    add_legend_below(figure)
    return figure


def spreads(table: pl.DataFrame, title: str, x_label: str) -> Figure:
    """Draw the distribution of a pixel statistic by body part, normal beside abnormal."""
    parts = table["body_part"].unique(maintain_order=True).to_list()
    figure, axes = panel(title, x_label, "", 1.5 + 0.46 * len(parts))
    for label, (name, colour) in enumerate(LABEL_COLOURS.items()):
        rows = table.filter(label=label)
        y = np.array([parts.index(part) for part in rows["body_part"]]) + (label - 0.5) * _BAR
        axes.hlines(y, rows["low"], rows["high"], color=colour, linewidth=1.2)
        axes.hlines(y, rows["lower"], rows["upper"], color=colour, linewidth=5, alpha=0.45)
        axes.scatter(rows["median"], y, s=34, color=colour, label=name, zorder=3)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    label_rows(axes, parts)
    add_legend_below(figure)
    return figure


def source_sizes(table: pl.DataFrame) -> Figure:
    """Draw widths and heights of files; the area of a dot is the number of views."""
    figure, axes = panel("Image sizes", "width (px)", "height (px)", height_in=4.3)
    views = table["views"].to_numpy()
    areas = np.maximum(_LARGEST_DOT * views / max(views, default=1), 3)
    style: dict[str, Any] = {"color": VIEW, "alpha": 0.55, "linewidth": 0}
    axes.scatter(table["width_px"].to_numpy(), table["height_px"].to_numpy(), areas, **style)
    end = 1.08 * max([*table["width_px"], *table["height_px"]], default=1)
    axes.plot([0, end], [0, end], color=MUTED, linewidth=1, linestyle=":")
    axes.set(xlim=(0, end), ylim=(0, end), aspect="equal")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    return figure


def fold_balance(table: pl.DataFrame) -> Figure:
    """Draw the share of abnormal views of each fold, by body part and overall."""
    parts = order_parts(table["body_part"])
    if len(parts) == 2:
        parts = parts[:1]  # `all` equals the only body part
    figure, axes = panel("Fold balance", "share of abnormal views", "", 1.4 + 0.36 * len(parts))
    rows = table.filter(pl.col("body_part").is_in(parts))
    y = np.array([parts.index(part) for part in rows["body_part"]])
    dots: dict[str, Any] = {"s": 32, "color": VIEW, "alpha": 0.5, "linewidth": 0}
    axes.scatter(rows["abnormal_share"].to_numpy(), y, label="one fold", **dots)
    pooled = rows.group_by("body_part", maintain_order=True).agg(
        pl.sum("abnormal_views"), pl.sum("views")
    )
    y = np.array([parts.index(part) for part in pooled["body_part"]])
    shares = (pooled["abnormal_views"] / pooled["views"]).to_numpy()
    axes.scatter(shares, y, s=220, color=INK, marker="|", label="all folds")
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    label_rows(axes, parts)
    add_legend_below(figure)
    return figure
