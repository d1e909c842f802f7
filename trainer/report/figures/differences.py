"""The differences of two models in several metrics, with intervals."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from trainer.evaluation.paired import METRICS, Difference
from trainer.report.figures.svg import LEVEL_COLOURS, MUTED, add_legend_below, label_rows, panel


def draw_differences(differences: Sequence[Difference]) -> Figure:
    """Draw the difference of a pair of models in each metric, by view and by study."""
    figure, axes = panel("Differences", "first minus second", "", height_in=3.4)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=":", label="no difference")
    metrics = list(METRICS)
    for level, marker, shift in (("view", "o", -0.12), ("study", "D", 0.12)):
        own = [d for d in differences if d.level == level and d.difference is not None]
        widths = [d.difference for d in own if d.difference is not None]
        places = [metrics.index(d.metric) + shift for d in own]
        style: dict[str, Any] = {"color": LEVEL_COLOURS[level], "marker": marker, "s": 42}
        axes.scatter(widths, places, label=f"by {level}", zorder=3, **style)
        lines = [
            (d.bounds.low, d.bounds.high, y) for d, y in zip(own, places, strict=True) if d.bounds
        ]
        low, high, y = zip(*lines, strict=True) if lines else ((), (), ())
        axes.hlines(y, low, high, color=LEVEL_COLOURS[level], linewidth=1.6, alpha=0.6)
    label_rows(axes, [name[0].upper() + name[1:] for name in METRICS.values()])
    add_legend_below(figure)
    return figure
