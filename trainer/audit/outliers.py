"""The section on outliers: the views that are farthest from all others, by their features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trainer.audit.audited_run import AuditedRun, Picture
from trainer.features.variants import PLAIN
from trainer.inference.novelty import UNLIKE_PERCENTILE, fit_reference
from trainer.options import AuditOptions

# columns of `outliers.csv`; see `trainer.inference.novelty`
_SCHEMA = {
    "view": pl.String,
    "role": pl.String,
    "body_part": pl.String,
    "label": pl.Int64,
    "distance": pl.Float64,
    "percentile": pl.Float64,
}
_NUM_SHOWN = 8


@dataclass(frozen=True)
class OutlierSection:
    """The results on outliers.

    Attributes:
        table: content of `outliers.csv`, the farthest views first.
        farthest: pictures of the farthest views, with their distances.
    """

    table: pl.DataFrame
    reason: str = ""
    farthest: Sequence[tuple[Picture, float]] = ()

    @property
    def median(self) -> float:
        """The median distance of the out-of-fold views."""
        return float(self.table.filter(role="out_of_fold").select(pl.median("distance")).item())

    @property
    def num_test(self) -> int:
        """The number of test views."""
        return self.table.filter(role="test").height

    @property
    def num_unlike_test(self) -> int:
        """The number of test views that are unlike the out-of-fold views."""
        is_unlike = pl.col("percentile") >= UNLIKE_PERCENTILE
        return self.table.filter(is_unlike, role="test").height


def audit_outliers(audited: AuditedRun, options: AuditOptions) -> OutlierSection:
    """Measure the distance of each view from the out-of-fold views of other patients."""
    nothing = pl.DataFrame(schema=_SCHEMA)
    backbone, own = audited.backbone, audited.out_of_fold
    if backbone is None:
        return OutlierSection(nothing, "The run has no frozen backbone, whose features it needs.")
    embed = backbone.embedder.embed
    reference = fit_reference(embed(own, PLAIN), own["group"].to_numpy(), options.seed)
    if reference is None:
        return OutlierSection(nothing, "There are too few patients.")
    test = audited.views.filter(role="test")
    of_test = reference.measure(embed(test, PLAIN)) if test.height else np.empty(0)
    distances = np.concatenate([reference.distances, of_test])
    views = pl.concat([own, test]).with_columns(
        view="view_id",
        distance=pl.Series(distances),
        percentile=pl.Series(reference.rate(distances)),
    )
    by_distance = views.sort("distance", "view", descending=[True, False])
    shown = by_distance["view"].head(_NUM_SHOWN if options.images == "on" else 0).to_list()
    farthest = list(zip(audited.show(shown), by_distance["distance"], strict=False))
    return OutlierSection(by_distance.select(*_SCHEMA), "", farthest)
