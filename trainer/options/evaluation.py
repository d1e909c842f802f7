"""Options of `evaluate` and `compare`, which measure finished models."""

from dataclasses import dataclass
from typing import Annotated, Literal

from shared.errors import UsageError
from shared.storage.store import as_path
from trainer.options.checks import check_seed
from trainer.options.data import DataOptions
from trainer.options.saved_run import PredictorOptions


@dataclass(frozen=True)
class EvaluateOptions(PredictorOptions, DataOptions):
    """Evaluate a finished model on a labelled lake: another hospital, part, or set of labels.

    The temperatures and decision thresholds of the run are used as they are. The output folder
    holds metrics.json, predictions.parquet and report.html, with intervals by patient, calibration,
    and the result of a recalibration on this lake.

    just evaluate run=runs/20260101-120000-train-wrist lake=hospital

    just evaluate lake=lake part=wrist split=valid out=wrist
    """

    split: Literal["auto", "train", "valid", "all"] = "auto"
    """Split of the lake: `train`, `valid` or `all`; `auto` is `valid` if the lake has such views,
    else `all`."""
    out: str = ""
    """Folder to create; by default a new one in evaluations/."""

    def __post_init__(self) -> None:
        PredictorOptions.__post_init__(self)
        DataOptions.__post_init__(self)
        as_path("out", self.out)


@dataclass(frozen=True)
class CompareOptions:
    """Compare runs on the views that all of them predicted, by a paired bootstrap over patients.

    RUNS are folders of train, tune, cv or evaluate. The table has the difference of each pair in
    AUROC, kappa, accuracy and Brier score, with its interval and p value; from three runs on, p
    values are corrected by Holm's method.

    just compare runs/20260101-120000-cv-wrist runs/20260102-120000-cv-wrist

    just compare runs/a runs/b runs/c set=test out=comparison.html
    """

    runs: Annotated[tuple[str, ...], "RUN RUN ..."] = ()
    """Folders of two finished runs or more."""
    set: Literal["auto", "out_of_fold", "test", "validation"] = "auto"
    """Predictions to compare; `auto` is the first of `out_of_fold`, `test` and `validation` with
    views in common. The set of `evaluate` is `test`."""
    seed: int = 0
    """Seed of the resamples, 0 to 2147483647."""
    out: str = ""
    """HTML file to write; by default none."""

    def __post_init__(self) -> None:
        check_seed(self)
        as_path("out", self.out)
        paths = [as_path("runs", run) for run in self.runs]
        if len(paths) < 2 or len({*paths}) < len(paths):
            raise UsageError(
                "Expected RUNS: folders of two runs or more, each once. "
                f"Received: {', '.join(self.runs) or 'none'}"
            )
