"""The options of trainer's commands; importing them costs nothing heavy."""

from trainer.options.cross_validate import CvOptions
from trainer.options.finished_run import (
    EdaOptions,
    ExportOptions,
    PredictOptions,
    RunOptions,
    ServeOptions,
)
from trainer.options.fit import (
    DEFAULT_MODEL,
    Augment,
    Balance,
    DataOptions,
    FitOptions,
    Precision,
    TargetName,
    Tune,
)
from trainer.options.train import TrainOptions
from trainer.options.tune import TuneOptions

__all__ = [
    "DEFAULT_MODEL",
    "Augment",
    "Balance",
    "CvOptions",
    "DataOptions",
    "EdaOptions",
    "ExportOptions",
    "FitOptions",
    "Precision",
    "PredictOptions",
    "RunOptions",
    "ServeOptions",
    "TargetName",
    "TrainOptions",
    "Tune",
    "TuneOptions",
]
