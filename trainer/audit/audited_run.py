"""The cross-validation to audit: its predictions joined to the lake, and its frozen backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from shared.console import note
from shared.errors import LakeError, TrainingError
from shared.images.pixels import Pixels
from shared.lake.manifest import PUBLISHED, label_name
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from trainer.audit.backbone import Backbone, find_backbone
from trainer.data.target import abnormal_probability
from trainer.evaluation.binary_metrics import Floats
from trainer.evaluation.decisions.calibration import calibrate
from trainer.evaluation.scored_table import by_study
from trainer.explain.overlay import overlay
from trainer.inference.predictor import Predictor, open_predictor
from trainer.keras_import import import_keras
from trainer.options import AuditOptions
from trainer.report.template import to_thumbnail
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.saved_run import SavedRun

if TYPE_CHECKING:
    from trainer.explain.layer_cam import LayerCam


@dataclass(frozen=True)
class Picture:
    """A radiograph of a page: its view, its label, and a `data:` URL."""

    view_id: str
    label: str
    uri: str


@dataclass(frozen=True)
class AuditedRun:
    """A cross-validation and its lake.

    Attributes:
        views: rows of the manifest, with `fold`, `role` (`out_of_fold` or `test`) and the
            `probability` by a model that was not trained on the view.
    """

    run: SavedRun
    lake: Lake
    views: pl.DataFrame

    @property
    def out_of_fold(self) -> pl.DataFrame:
        """The views of the folds."""
        return self.views.filter(role="out_of_fold")

    @cached_property
    def studies(self) -> pl.DataFrame:
        """One row per study, as from `by_study`, with `calibrated` and the label as `published`."""
        predicted = self.views.with_columns(model=pl.lit(self.run.model))
        published = PUBLISHED if PUBLISHED in self.views.columns else "label"
        labels = self.views.group_by("study_id").agg(pl.first(published).alias("published"))
        studies = by_study(predicted).join(labels, on="study_id", maintain_order="left")
        temperature = self.run.decision.study.temperature
        calibrated = calibrate(studies["probability"].to_numpy(), temperature)
        return studies.with_columns(calibrated=pl.Series(calibrated))

    @cached_property
    def backbone(self) -> Backbone | None:
        """The frozen backbone, if the run has one."""
        return find_backbone(self.run, self.lake, self.out_of_fold)

    @cached_property
    def predictor(self) -> Predictor:
        """The saved model, by LiteRT; TrainingError if the run has none."""
        return open_predictor(self.run, "litert", self.views.height)

    def predict(self, images: Pixels) -> Floats:
        """Return the saved model's probability of abnormal, (rows,), of (rows, size, size)."""
        rows = (images[row : row + 1, ..., None] for row in range(len(images)))
        outputs = [outputs for outputs, *_ in self.predictor.predict_batches(rows)]
        return abnormal_probability(np.concatenate(outputs))

    @cached_property
    def _layer_cam(self) -> LayerCam:
        note("starting TensorFlow, which computes heat maps")
        import_keras()

        from trainer.explain.layer_cam import LayerCam

        return LayerCam(self.run.load_model())

    def read(self, views: pl.DataFrame) -> Pixels:
        """Return the stored pixels of a few views, uint8 (views, size, size)."""
        with ViewReader(self.lake, views) as reader:
            return reader.read(np.arange(views.height))[..., 0]

    def show(self, view_ids: Sequence[str], *, with_heat: bool = False) -> tuple[Picture, ...]:
        """Return the pictures of a few views, in their order, plain or with heat maps."""
        if not view_ids:
            return ()
        order = pl.DataFrame({"view_id": view_ids})
        views = order.join(self.views, on="view_id", maintain_order="left")
        images: Sequence[Pixels] = list(self.read(views))
        if with_heat:
            maps = self._layer_cam.explain(np.stack(images)[..., None])
            images = list(map(overlay, images, maps))
        labels = views.select(label_name(pl.col("label"))).to_series()
        return tuple(map(Picture, view_ids, labels, map(to_thumbnail, images)))


def open_audited_run(options: AuditOptions) -> AuditedRun:
    """Open a finished cross-validation and its lake."""
    run = open_saved_run(options.run)
    if not run.is_cv:
        raise TrainingError(
            "Expected the run of a cross-validation, which `just cv` makes. "
            f"Received: run={run.folder}, a run of {run.config['command']}"
        )
    try:
        lake = open_lake(options.lake or run.config["lake"]["path"])
    except LakeError as error:
        if options.lake:
            raise
        # a relative path is that of the folder in which the run began
        raise TrainingError(f"{error}, as the run recorded it; lake= gives its path now") from None
    # predictions are joined to views by their ids, which another lake may use for other images
    recorded = run.config["lake"]["digest"]
    if lake.digest != recorded:
        raise TrainingError(
            f"Expected the lake of the run, with the digest {recorded}. "
            f"Received: lake={lake.store} with the digest {lake.digest}"
        )
    held_out = run.scored.filter(pl.col("role").is_in(["out_of_fold", "test"]), model=run.model)
    predictions = held_out.select("view_id", "fold", "role", "probability")
    return AuditedRun(run, lake, lake.manifest.join(predictions, on="view_id").sort("view_id"))
