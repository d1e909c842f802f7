"""The input of a report: configuration, history, scored predictions and metrics of a run."""

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
_TRIALS_SCHEMA = {"number": pl.Int64, "score": pl.Float64, "state": pl.String}


@dataclass(frozen=True)
class Run:
    """The content of a run folder.

    Attributes:
        config: `config.json`.
        history: one row per epoch.
        scored: one row per prediction, joined to the manifest.
        decision: the learnt temperatures and thresholds.
        metrics: as from `compute_metrics`.
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
        """The settings of the hyperparameter search; empty without a search."""
        return self.config.get("search", {})

    @property
    def is_cv(self) -> bool:
        """Whether candidates were compared over folds."""
        return "folds" in self.metrics

    @property
    def is_ensemble(self) -> bool:
        """Whether the fold models were saved in place of a refitted model."""
        return self.config["options"].get("ensemble") == "folds"

    @property
    def model(self) -> str:
        """The name of the saved model: the only one, or the best candidate."""
        return self.metrics["chosen"] if self.is_cv else self.scored["model"][0]

    @property
    def by_role(self) -> dict[str, ByPart]:
        """Metrics by body part of each set that the model scored, the least biased set first."""
        out_of_fold: ByPart = self.metrics["out_of_fold"][self.model] if self.is_cv else {}
        by_role: dict[str, ByPart] = {**self.metrics, "out_of_fold": out_of_fold}
        return {role: by_role[role] for role in ROLES if by_role[role]}

    @property
    def headline(self) -> tuple[str, ByPart]:
        """The role and the metrics by body part of the least biased set."""
        return next(iter(self.by_role.items()))

    @property
    def classes(self) -> Measures:
        """The class metrics of the headline's set; empty for a model without classes."""
        return self.metrics.get("classes", {}).get(self.headline[0], {})

    @property
    def fitted(self) -> pl.DataFrame:
        """The history of the saved model, without folds."""
        return final_rows(self.history.filter(model=self.model))

    @property
    def fitted_folds(self) -> pl.DataFrame:
        """The history of the saved model's fits to folds; empty without folds."""
        return self.history.filter(pl.col("fold").is_not_null(), model=self.model)

    def rows(self, role: str) -> pl.DataFrame:
        """Return the model's predictions for a set; `out_of_fold` rows are of its fold models."""
        return _select(self.scored, self.model, role)


def fairest_set(scored: pl.DataFrame, model: str) -> tuple[str, pl.DataFrame]:
    """Return the role and the rows of the least biased set that a model scored.

    Args:
        scored: all predictions of a run, with at least one of the model.
        model: name of the model.
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
