"""Setup of a run: checks, data, fit plans and run folder, before TensorFlow starts."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from shared.console import note
from trainer.data.dataset import open_data
from trainer.data.split import FitPlan, check_batch, plan_final_fit, plan_fold_fits
from trainer.data.target import make_target
from trainer.models.table import require_weights
from trainer.options import CvOptions, TrainOptions
from trainer.runs.context import RunContext, Timings
from trainer.runs.gpus import describe_devices, resolve_precision
from trainer.runs.provenance import require_utf8, run_key
from trainer.runs.run_folder import open_run_folder
from trainer.runs.start import check_untrained, describe_start, hold_out_again, open_start

RunOptions = TypeVar("RunOptions", bound=TrainOptions | CvOptions)


class RunSetup(NamedTuple, Generic[RunOptions]):
    """A run that is ready to fit models; `folds` is empty without cross-validation."""

    context: RunContext[RunOptions]
    plan: FitPlan
    folds: list[FitPlan]


@contextmanager
def set_up_run(
    options: RunOptions, command: str, key_word: str
) -> Generator[RunSetup[RunOptions], None, None]:
    """Check options and data, and open the run folder, before the slow start of TensorFlow.

    `key_word` is part of the key of the run, so that a command resumes only its own runs.
    """
    require_utf8(options)
    models, cv = options.model_names, options if isinstance(options, CvOptions) else None
    start = open_start(options)
    require_weights(models, options.initial_weights)
    timings = Timings()
    with timings.measure("open"):
        data = open_data(options)
        make_target(options.task, data.lake.manifest)
        folds = plan_fold_fits(data, cv.k, cv.seed) if cv else []
        plan = plan_final_fit(data, options.seed)
        if start:
            plan = hold_out_again(plan, start.training_views)
            for own in (*folds, plan):
                check_untrained(own, start)
        check_batch(options, [*folds, plan])
        # This starts TensorFlow to look for GPUs, but only if there is an NVIDIA driver: the number
        # format of the layers is part of the key of the run.
        options = replace(options, precision=resolve_precision(options))
        key = run_key(key_word, options, data.lake)
    name = "-".join([command, options.part, *([] if cv else models)])
    with open_run_folder(options.out, name, key) as folder:
        # with engine=ray, other machines train
        if not (cv and cv.engine == "ray"):
            note(f"training on {describe_devices(options.devices)}")
        facts, views = (describe_start(start), start.training_views) if start else ({}, None)
        context = RunContext(options, data.lake, folder, timings, facts, views)
        yield RunSetup(context, plan, folds)
