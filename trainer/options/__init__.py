"""The options of trainer's commands; importing them loads neither TensorFlow nor polars."""

from trainer.options.cross_validate import CvOptions
from trainer.options.data import DataOptions, Task
from trainer.options.evaluation import CompareOptions, EvaluateOptions
from trainer.options.fit import FitOptions
from trainer.options.inspection import AuditOptions, EdaOptions
from trainer.options.machine import MachineOptions, Precision
from trainer.options.model import DEFAULT_MODEL, ModelOptions
from trainer.options.saved_run import (
    ExportOptions,
    PredictOptions,
    RunOptions,
    ServeOptions,
)
from trainer.options.train import TrainOptions
from trainer.options.training import Augment, ClassWeight, TrainingOptions
from trainer.options.tune import TuneOptions

__all__ = [
    "DEFAULT_MODEL",
    "AuditOptions",
    "Augment",
    "ClassWeight",
    "CompareOptions",
    "CvOptions",
    "DataOptions",
    "EdaOptions",
    "EvaluateOptions",
    "ExportOptions",
    "FitOptions",
    "MachineOptions",
    "ModelOptions",
    "Precision",
    "PredictOptions",
    "RunOptions",
    "ServeOptions",
    "Task",
    "TrainOptions",
    "TrainingOptions",
    "TuneOptions",
]
