"""The section on outliers: the views that are farthest from all others, by their features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from shared.lake.reader import ViewReader
from trainer.audit.audited_run import AuditedRun, Picture
from trainer.audit.backbone import Backbone
from trainer.data.input_wait import InputWait
from trainer.features.variants import PLAIN
from trainer.inference.novelty import UNLIKE_PERCENTILE, Floats, Reference, read_reference
from trainer.inference.predictor import infer
from trainer.inference.reference_fit import fit_reference
from trainer.options import AuditOptions

# of `outliers.csv`; see `trainer.inference.novelty`
_COLUMNS = ("view", "role", "body_part", "label", "distance", "percentile")
_NUM_SHOWN = 8
_NO_REFERENCE = (
    "The run has no features to compare: it has too few patients, or a network that does not tell "
    "noise from radiographs."
)


@dataclass(frozen=True)
class OutlierSection:
    """The results on outliers.

    Attributes:
        table: content of `outliers.csv`, the farthest views first.
        reason: why there are none; empty if there are some.
        is_frozen: whether the features are those of a frozen backbone.
        median: the median distance of views that are like those of training.
        farthest: pictures of the farthest views, with their distances.
    """

    table: pl.DataFrame
    reason: str = ""
    is_frozen: bool = True
    median: float = 0.0
    farthest: Sequence[tuple[Picture, float]] = ()

    @property
    def is_unlike(self) -> pl.Series:
        """Whether each test view is unlike the training views."""
        return self.table.filter(role="test")["percentile"] >= UNLIKE_PERCENTILE


# views, their distances, and the reference that these are measured by
_Measured = tuple[pl.DataFrame, Floats, Reference]


def audit_outliers(audited: AuditedRun, options: AuditOptions) -> OutlierSection:
    """Measure the distance of each view from training views of other patients.

    A network that was trained on images measures only views that it was not fitted to.

    Raises:
        CorruptLakeError: the record of a view is damaged.
    """
    backbone = audited.backbone
    measured = _measure(audited, backbone, options.seed) if backbone else _measure_by_run(audited)
    if measured is None:
        return OutlierSection(pl.DataFrame(schema=_COLUMNS), _NO_REFERENCE)
    views, distances, reference = measured
    by_distance = views.with_columns(
        view="view_id",
        distance=pl.Series(distances),
        percentile=pl.Series(reference.rate(distances)),
    ).sort("distance", "view", descending=[True, False])
    shown = by_distance["view"].head(_NUM_SHOWN if options.images == "on" else 0).to_list()
    farthest = list(zip(audited.show(shown), by_distance["distance"], strict=False))
    median = float(np.median(reference.distances))
    table = by_distance.select(_COLUMNS)
    return OutlierSection(table, "", backbone is not None, median, farthest)


def _measure(audited: AuditedRun, backbone: Backbone, seed: int) -> _Measured | None:
    embed, own = backbone.embedder.embed, audited.out_of_fold
    reference = fit_reference(embed(own, PLAIN), own["group"].to_numpy(), seed)
    if reference is None:
        return None
    test = audited.views.filter(role="test")
    of_test = reference.measure(embed(test, PLAIN)) if test.height else np.empty(0)
    distances = np.concatenate([reference.distances, of_test])
    return pl.concat([own, test]), distances, reference


def _measure_by_run(audited: AuditedRun) -> _Measured | None:
    """Measure by the features of the saved model, as `predict` does."""
    run = audited.run
    if not (run.has_litert and run.has_reference):
        return None
    model = audited.predictor
    reference = read_reference(run.files, model.num_features)
    if reference is None:
        return None
    fitted = run.training_views.filter(role="train")
    views = audited.views.join(fitted, on="view_id", how="anti", maintain_order="left")
    with ViewReader(audited.lake, views) as reader:
        features = infer(model, reader, "compare", InputWait(), output=1)
    return views, reference.measure(features), reference
