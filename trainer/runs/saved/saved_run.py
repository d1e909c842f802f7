"""A run: its model, configuration, decision thresholds, predictions and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl

from shared.images.spec import ImageSpec
from shared.labels import order_parts
from shared.storage.parquet import read_table
from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.metrics import ByPart, Measures
from trainer.evaluation.results import metrics_by_role
from trainer.keras_import import keras
from trainer.runs.run_folder import (
    HISTORY_FILE,
    LITERT_FILE,
    MODEL_FILE,
    REFERENCE_FILE,
    TRAINING_FILE,
    TRIALS_FILE,
)
from trainer.runs.saved.run_files import RunFiles
from trainer.runs.saved.training_views import TRAINING_SCHEMA
from trainer.runs.saved.validation import RUN_HISTORY_SCHEMA, TRIALS_SCHEMA, num_outputs


@dataclass(frozen=True)
class SavedRun:
    """A run of `train`, `tune` or `cv`; `scored` are its predictions, joined to the manifest."""

    files: RunFiles
    config: dict[str, Any]
    metrics: dict[str, Any]
    decision: Decision
    image: ImageSpec
    scored: pl.DataFrame

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.files.folder

    @property
    def model(self) -> str:
        """The name of the saved model."""
        return self.decision.model

    @property
    def body_parts(self) -> list[str]:
        """The body parts with predictions, in the order of `order_parts`."""
        return order_parts(self.scored["body_part"])

    @property
    def train_set(self) -> dict[str, Any]:
        """The entry of `config.json` on the train views."""
        return next(facts for facts in self.config["sets"] if facts["name"] == "train")

    @property
    def is_cv(self) -> bool:
        """Whether the run is a cross-validation."""
        return self.config["command"] == "cv"

    @property
    def is_ensemble(self) -> bool:
        """Whether the saved model is the ensemble of the fold models instead of a refit."""
        return self.config["options"].get("ensemble") == "folds"

    @property
    def ensemble(self) -> str:
        """The members of a saved ensemble, in words; empty for a single model."""
        if self.is_ensemble:
            return "ensemble of its fold models"
        seeds = self.config.get("seeds", [])
        return f"ensemble of fits with the seeds {', '.join(map(str, seeds))}" if seeds else ""

    @property
    def search(self) -> dict[str, Any]:
        """Facts about the hyperparameter search; empty without a search."""
        return self.config.get("search", {})

    @property
    def by_role(self) -> dict[str, ByPart]:
        """The saved model's metrics by body part of each set, in the order of the report."""
        return metrics_by_role(self.metrics)

    @property
    def main_sets(self) -> dict[str, ByPart]:
        """The sets for conclusions, the headline set first; validation only without others."""
        # validation views were used for early stopping
        main = {role: by_part for role, by_part in self.by_role.items() if role != "validation"}
        return main or self.by_role

    @property
    def headline(self) -> tuple[str, ByPart]:
        """The role and the metrics by body part of the headline set."""
        return next(iter(self.main_sets.items()))

    @property
    def classes(self) -> Measures:
        """Multi-class metrics of the headline set; empty for a binary model."""
        return self.metrics.get("classes", {}).get(self.headline[0], {})

    @cached_property
    def history(self) -> pl.DataFrame:
        """The epochs of the saved model and of its fold models."""
        table = self.files.parse(HISTORY_FILE, partial(read_table, schema=RUN_HISTORY_SCHEMA))
        return table.filter(model=self.model)

    @cached_property
    def trials(self) -> pl.DataFrame:
        """One row per trial of a hyperparameter search."""
        return self.files.parse(TRIALS_FILE, partial(read_table, schema=TRIALS_SCHEMA))

    @cached_property
    def training_views(self) -> pl.DataFrame:
        """The train and validation views of the saved model, and of the runs that it started from.

        See `TRAINING_SCHEMA`.
        """
        return self.files.parse(TRAINING_FILE, partial(read_table, schema=TRAINING_SCHEMA))

    @property
    def has_litert(self) -> bool:
        """Whether the run has a model for LiteRT, which predicts without TensorFlow."""
        return LITERT_FILE in (self.files.digests or ())

    @property
    def has_reference(self) -> bool:
        """Whether the run has a sample of its training views, which tells unlike views."""
        return REFERENCE_FILE in (self.files.digests or ())

    def load_model(self) -> keras.Model:
        """Return the model, from uint8 images (batch, size, size, 1) to (batch, outputs).

        Raises:
            TrainingError: the model file is damaged, or has other inputs or outputs.
        """
        from trainer.models.model_file import load_model

        def parse(_: bytes) -> keras.Model:
            return load_model(self.folder / MODEL_FILE, self.image.size, num_outputs(self.config))

        return self.files.parse(MODEL_FILE, parse)
