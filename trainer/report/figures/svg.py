"""Style of all figures: palette, panels, and SVG for pages, coloured by their CSS."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shared.storage.atomic import write_atomically

INK, MUTED, GRID, PAPER = "#1f2328", "#6a737d", "#d8dee4", "#ffffff"
# blue and vermilion of Okabe & Ito, distinguishable with any colour vision deficiency
# (https://jfly.uni-koeln.de/color); views are blue, studies vermilion
VIEW, STUDY = "#0072b2", "#d55e00"
LEVEL_COLOURS = {"view": VIEW, "study": STUDY}
# green after Okabe & Ito, purple after Tol: different in lightness too
NORMAL, ABNORMAL = "#009e73", "#aa3377"
LABEL_COLOURS = {"normal": NORMAL, "abnormal": ABNORMAL}
_PAGE_COLOURS = {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER}
_WIDTH_IN = 4.6
_TEXT_PT = 10.5
_LEGEND: dict[str, Any] = {"frameon": False, "fontsize": _TEXT_PT - 0.5, "labelcolor": INK}

# a figure and its caption
Captioned = tuple[Figure, str]


class Plot(NamedTuple):
    """A figure of a page: its `<svg>` element and its caption."""

    svg: Markup
    caption: str


def panel(
    title: str, x_label: str, y_label: str, height_in: float = 3.4, width_in: float = _WIDTH_IN
) -> tuple[Figure, Axes]:
    """Return a figure with one axes, narrow enough to be readable on a phone."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor=PAPER)
    axes = figure.add_subplot(facecolor=PAPER)
    axes.set_title(title, loc="left", fontsize=_TEXT_PT + 1, fontweight="bold", color=INK)
    axes.set_xlabel(x_label, fontsize=_TEXT_PT, color=INK)
    axes.set_ylabel(y_label, fontsize=_TEXT_PT, color=INK)
    axes.tick_params(labelsize=_TEXT_PT, colors=MUTED, labelcolor=INK, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def label_rows(axes: Axes, names: Sequence[str]) -> None:
    """Label the rows 0, 1, ... of a figure from top to bottom."""
    # users choose some of these names: a dollar sign must not start a formula
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw_estimates(
    axes: Axes,
    level: str,
    values: Sequence[float | None],
    bounds: Sequence[tuple[float, float] | None],
) -> None:
    """Draw the values of a level, one per row, with their intervals; None is left out."""
    marker, shift = ("o", -0.12) if level == "view" else ("D", 0.12)
    points = [(x, y + shift) for y, x in enumerate(values) if x is not None]
    x, y = zip(*points, strict=True) if points else ((), ())
    style: dict[str, Any] = {"color": LEVEL_COLOURS[level], "marker": marker, "s": 42}
    # not clipped, because an AUROC of 1 lies on the edge of the axes
    axes.scatter(x, y, label=f"by {level}", zorder=3, clip_on=False, **style)
    lines = [(*ends, y + shift) for y, ends in enumerate(bounds) if ends]
    low, high, y = zip(*lines, strict=True) if lines else ((), (), ())
    axes.hlines(y, low, high, color=LEVEL_COLOURS[level], linewidth=1.6, alpha=0.6)


def add_legend(axes: Axes, place: Literal["best", "lower right"] = "best") -> None:
    """Add a legend without a frame."""
    axes.legend(loc=place, **_LEGEND)


def add_legend_below(figure: Figure) -> None:
    """Add a legend of two columns below the axes, where it hides no data."""
    figure.legend(loc="outside lower left", ncols=2, **_LEGEND)


def to_svg(figure: Figure) -> str:
    """Return a figure as an SVG file, the same for equal figures."""
    sink = io.StringIO()
    # text as text: smaller, searchable, and in the font of the page; by default, ids are random
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mura-lake"}):
        # the date of the figure would differ between equal runs
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(sink, format="svg", metadata=no_metadata)
    return sink.getvalue()


def to_plots(drawn: Mapping[str, Captioned], folder: Path | None = None) -> list[Plot]:
    """Return figures for a page, whose names are unique there, and write them into a folder."""
    plots: list[Plot] = []
    for name, (figure, caption) in drawn.items():
        svg = to_svg(figure)
        if folder:
            write_atomically(folder / f"{name}.svg", svg.encode())
        # safe: matplotlib escapes the text in its SVG
        plots.append(Plot(Markup(_to_element(svg, name, caption)), caption))
    return plots


def _to_element(svg: str, name: str, description: str) -> str:
    """Return the `<svg>` element for a page, coloured by CSS variables.

    Args:
        description: text for screen readers.
    """
    # without the XML declaration, which HTML does not allow
    element = svg[svg.index("<svg") :]
    # matplotlib's ids are unique in one file only
    element = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", element)
    for css_name, colour in (_PAGE_COLOURS | LEVEL_COLOURS | LABEL_COLOURS).items():
        element = element.replace(colour, f"var(--{css_name})")
    # without a fixed size, the width of the page determines it
    element = re.sub(r' (width|height)="[\d.]+pt"', "", element, count=2)
    return element.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)
