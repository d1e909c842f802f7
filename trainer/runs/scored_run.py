"""A run with its scores: configuration, history, predictions and their metrics."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from shared.errors import TrainingError
from shared.storage.json_text import parse_object
from shared.storage.parquet import read_table
from shared.storage.regular_file import read_regular
from trainer.evaluation.metrics import ByPart, Measures, final_rows, rows_of_role
from trainer.evaluation.results import compute_metrics
from trainer.evaluation.thresholds import Decision, read_decision
from trainer.runs.run_folder import PREDICTIONS_FILE, TRIALS_FILE
from trainer.runs.validation import ROLES, SCORED_SCHEMA, check_scored

_HISTORY_SCHEMA = {
    "model": pl.String,
    "fold": pl.Int64,
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "val_loss": pl.Float64,
    "val_auroc": pl.Float64,
    "is_best": pl.Boolean,
}
REPORTED = ("out_of_fold", "test", "validation")
"""Sets in the order of the report. Pooled out-of-fold predictions cover the whole train split, so
they come before a test that may be a dozen studies."""
_TRIALS_SCHEMA = {"number": pl.Int64, "score": pl.Float64, "state": pl.String}


@dataclass(frozen=True)
class Run:
    """The contents of a run folder.

    Attributes:
        config: `config.json`.
        history: one row per epoch.
        scored: one row per prediction, joined to the manifest.
        decision: the learnt temperatures and decision thresholds.
        metrics: the result of `compute_metrics`.
        trials: one row per trial of a hyperparameter search; empty without a search.
    """

    config: dict[str, Any]
    history: pl.DataFrame
    scored: pl.DataFrame
    decision: Decision
    metrics: dict[str, Any]
    trials: pl.DataFrame

    @property
    def search(self) -> dict[str, Any]:
        """Facts about the hyperparameter search; empty without a search."""
        return self.config.get("search", {})

    @property
    def is_cv(self) -> bool:
        """Whether the run is a cross-validation."""
        return "folds" in self.metrics

    @property
    def is_ensemble(self) -> bool:
        """Whether the final model is the ensemble of the fold models instead of a refit."""
        return self.config["options"].get("ensemble") == "folds"

    @property
    def model(self) -> str:
        """The name of the model, or of the chosen candidate."""
        return self.metrics["chosen"] if self.is_cv else self.scored["model"][0]

    @property
    def by_role(self) -> dict[str, ByPart]:
        """Metrics by body part of each set that the model scored, in the order of the report."""
        out_of_fold: ByPart = self.metrics["out_of_fold"][self.model] if self.is_cv else {}
        by_role: dict[str, ByPart] = {**self.metrics, "out_of_fold": out_of_fold}
        return {role: by_role[role] for role in REPORTED if by_role[role]}

    @property
    def headline(self) -> tuple[str, ByPart]:
        """The first set of the report: its role and its metrics by body part."""
        return next(iter(self.by_role.items()))

    @property
    def beside(self) -> ByPart:
        """Metrics of the test, beside out-of-fold headline numbers; empty without either."""
        return self.by_role.get("test", {}) if self.is_cv else {}

    @property
    def shown(self) -> dict[str, ByPart]:
        """The headline set and the one beside it."""
        role, by_part = self.headline
        return {role: by_part, **({"test": self.beside} if self.beside else {})}

    @property
    def classes(self) -> Measures:
        """Multi-class metrics of the headline set; empty for a binary model."""
        return self.metrics.get("classes", {}).get(self.headline[0], {})

    @property
    def fitted(self) -> pl.DataFrame:
        """The training history of the final model, without folds."""
        return final_rows(self.history.filter(model=self.model))

    @property
    def fitted_folds(self) -> pl.DataFrame:
        """The training history of its fold models, if there are any."""
        return self.history.filter(pl.col("fold").is_not_null(), model=self.model)

    def rows(self, role: str) -> pl.DataFrame:
        """Return the predictions for a set: those of the fold models for `out_of_fold`."""
        return _select(self.scored, self.model, role)


def unseen_set(scored: pl.DataFrame, model: str) -> tuple[str, pl.DataFrame]:
    """Return the role and the rows of the set that is most independent of the final model.

    Args:
        scored: all predictions of a run, including some of the model.
        model: name of the final model.
    """
    sets = ((role, _select(scored, model, role)) for role in ROLES)
    return next((role, rows) for role, rows in sets if rows.height)


def _select(scored: pl.DataFrame, model: str, role: str) -> pl.DataFrame:
    return rows_of_role(scored.filter(model=model), role)


def read_run(folder: Path) -> Run:
    """Read a run folder and compute the metrics of its predictions.

    Args:
        folder: holds `config.json`, `decision.json`, `history.parquet` and `predictions.parquet`
            (a scored table), and `trials.parquet` after a hyperparameter search.

    Raises:
        TrainingError: a file is missing or damaged, or there are no predictions.
    """
    try:
        config = parse_object(read_regular(folder, "config.json"))
        decision = read_decision(folder)
        history = read_table(read_regular(folder, "history.parquet"), _HISTORY_SCHEMA)
        scored = read_table(read_regular(folder, PREDICTIONS_FILE), SCORED_SCHEMA)
        check_scored(scored)
        trials = pl.DataFrame()
        if "search" in config:
            trials = read_table(read_regular(folder, TRIALS_FILE), _TRIALS_SCHEMA)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrainingError(
            "Expected a run folder with config.json, decision.json, history.parquet and "
            "predictions.parquet. "
            f"Received: folder={folder} without {Path(error.filename).name}"
        ) from None
    except (OSError, ValueError) as error:
        raise TrainingError(
            "Expected the files of a run as it wrote them. "
            f"Received: folder={folder}: {' '.join(str(error).split())}"
        ) from None
    if scored.is_empty():
        raise TrainingError(f"Expected predictions to report. Received: num_views=0 in {folder}")
    metrics = compute_metrics(config, scored, decision)
    return Run(config, history, scored, decision, metrics, trials)
