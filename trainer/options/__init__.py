"""The options of trainer's commands; importing them loads neither TensorFlow nor polars."""

from trainer.options.cross_validate import CvOptions as CvOptions
from trainer.options.data import DataOptions as DataOptions
from trainer.options.data import Task as Task
from trainer.options.evaluation import CompareOptions as CompareOptions
from trainer.options.evaluation import EvaluateOptions as EvaluateOptions
from trainer.options.fit import FitOptions as FitOptions
from trainer.options.inspection import AuditOptions as AuditOptions
from trainer.options.inspection import EdaOptions as EdaOptions
from trainer.options.saved_run import ExportOptions as ExportOptions
from trainer.options.saved_run import PredictOptions as PredictOptions
from trainer.options.saved_run import ServeOptions as ServeOptions
from trainer.options.train import TrainOptions as TrainOptions
from trainer.options.training import Augment as Augment
from trainer.options.training import ClassWeight as ClassWeight
from trainer.options.tune import TuneOptions as TuneOptions
