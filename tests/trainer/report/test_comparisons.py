"""Figures with one row per candidate: every label fits into the figure."""

import pytest

from trainer.report.figures import comparisons


@pytest.mark.parametrize("num_joined", [1, 2, 4])
def test_names_of_joined_backbones_leave_room_for_the_axis(num_joined: int) -> None:
    model = "+".join(["efficientnet_lite0"] * num_joined) + " weight_decay 200"
    folds = {model: [{"view_auroc": 0.79}, {"view_auroc": 0.85}]}
    pooled = {model: {"all": {"view_auroc": 0.81}}}
    figure = comparisons.candidates({"out_of_fold": pooled, "folds": folds})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for label in (axes.xaxis.label, *axes.get_yticklabels()):
        extent = label.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
        assert 0 <= extent.y0 < extent.y1 <= figure.bbox.height
