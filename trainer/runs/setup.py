"""Begin: what commands that fit models refuse, open and plan before TensorFlow is started."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from shared.lake.open import Lake
from trainer.data.dataset import open_data
from trainer.data.split import FitPlan, check_batch, plan_final_fit, plan_fold_fits
from trainer.data.target import make_target
from trainer.models.table import require_weights
from trainer.options import CvOptions, TrainOptions
from trainer.runs.provenance import Phases, run_key
from trainer.runs.results_writer import print_results
from trainer.runs.run_folder import open_run_folder


class RunSetup(NamedTuple):
    """What a command that fits models has before TensorFlow is started.

    Attributes:
        lake: where the views' pixels are.
        plan: of the fit to all of train.
        folds: plans of the folds, if there are any.
        folder: of the run.
        phases: of the run so far.
    """

    lake: Lake
    plan: FitPlan
    folds: list[FitPlan]
    folder: Path
    phases: Phases


@contextmanager
def set_up_run(
    options: TrainOptions | CvOptions,
    model_names: Sequence[str],
    what: str,
    name: str,
    num_folds: int = 0,
) -> Generator[RunSetup, None, None]:
    """Refuse what cannot work before TensorFlow's seconds of starting; print the results after.

    Args:
        options: of the command.
        model_names: keys of `trainer.models.MODELS`.
        what: the command, as its run is told from those of others.
        name: of its run folder.
        num_folds: how many there are, if any.
    """
    require_weights(model_names, options.weights)
    phases = Phases()
    with phases.measure("open"):
        data = open_data(options)
        make_target(options.target, data.lake.manifest)
        folds = plan_fold_fits(data, num_folds, options.seed) if num_folds else []
        plan = plan_final_fit(data, options.seed)
        check_batch(model_names, options, [*folds, plan])
        key = run_key(what, options, data.lake)
    with open_run_folder(options.out, name, key) as folder:
        yield RunSetup(data.lake, plan, folds, folder, phases)
    print_results(folder)
