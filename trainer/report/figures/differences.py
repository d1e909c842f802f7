"""The differences of two models in several metrics, with intervals."""

# matplotlib's own types leave **kwargs unknown, so that every call would be an error:
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence

from matplotlib.figure import Figure

from trainer.evaluation.comparing.paired import METRICS, Difference
from trainer.evaluation.scored_table import LEVELS
from trainer.report.figures.svg import MUTED, add_legend_below, draw_estimates, label_rows, panel


def draw_differences(differences: Sequence[Difference]) -> Figure:
    """Draw the difference of a pair of models in each metric, by view and by study."""
    figure, axes = panel("Differences", "first minus second", "", height_in=3.4)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=":", label="no difference")
    for level in LEVELS:
        own = {d.metric: d for d in differences if d.level == level}
        draw_estimates(
            axes,
            level,
            [own[metric].difference for metric in METRICS],
            [(b.low, b.high) if (b := own[metric].bounds) else None for metric in METRICS],
        )
    label_rows(axes, [name[0].upper() + name[1:] for name in METRICS.values()])
    add_legend_below(figure)
    return figure
