"""The run whose weights a fit starts from: checks, hold-out and provenance."""

from typing import Any

import polars as pl

from shared.errors import TrainingError
from shared.storage.store import as_path
from trainer.data.dataset import check_labels
from trainer.data.split import FitPlan
from trainer.options import FitOptions
from trainer.runs.run_folder import MODEL_FILE, SUMS_FILE
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.run_files import read_file, sha256
from trainer.runs.saved.saved_run import SavedRun
from trainer.runs.saved.training_views import IDENTITY


def open_start(options: FitOptions) -> SavedRun | None:
    """Open the run of `start=`, or return None without one.

    Raises:
        TrainingError: it is not a finished run, has another model, or trained only a head.
    """
    if not options.start:
        return None
    run = open_saved_run(str(as_path("start", options.start)))
    # also checks the digest of the file that later steps read
    run.files.read(MODEL_FILE)
    model = run.model.partition(" ")[0]
    if [model] != options.model_names:
        raise TrainingError(
            f"Expected a start run of model={','.join(options.model_names)}. "
            f"Received: start={options.start} with the model {model}"
        )
    if run.history.is_empty():
        raise TrainingError(
            "Expected a start run that trained the whole model (train=all or train=staged). "
            f"Received: start={options.start}, a head on a frozen backbone"
        )
    return run


def hold_out_again(plan: FitPlan, training: pl.DataFrame) -> FitPlan:
    """Return a plan that holds out the validation patients of the start run again.

    Without views of its train patients, the plan is returned as it is.
    """
    views = plan.fitted.sort("view_id")
    if not _select(views, training.filter(role="train")).height:
        return plan
    held_out = _select(views, training.filter(role="validation"))
    train = views.join(held_out.select("group").unique(), on="group", how="anti")
    validation = views.join(train.select("view_id"), on="view_id", how="anti")
    place = "the views of the validation patients of the start run"
    check_labels(validation, place)
    check_labels(train, f"the views without {place}")
    return FitPlan(train, validation, plan.test)


def check_untrained(plan: FitPlan, start: SavedRun) -> None:
    """Raise TrainingError if a patient or image of validation or test trained the start run."""
    train = start.training_views.filter(role="train")
    for name, views in (("validation", plan.validation), ("test", plan.test)):
        known = _select(views, train)
        if known.height:
            raise TrainingError(
                "Expected a start run that was not trained on the patients of validation, test and "
                f"folds. Received: start={start.folder}, trained on "
                f"{known['patient_id'].n_unique():,} patients of {name}, such as that of "
                f"{known['view_id'][0]}"
            )


def describe_start(start: SavedRun) -> dict[str, Any]:
    """Return the `start` entry of `config.json`."""
    return {
        "path": str(start.folder),
        "digest": sha256(read_file(start.folder, SUMS_FILE)),
        "model": start.model,
        "lake_digest": start.config["lake"]["digest"],
        "body_parts": start.train_set["body_parts"],
        "num_train_views": start.train_set["num_views"],
    }


def _select(views: pl.DataFrame, training: pl.DataFrame) -> pl.DataFrame:
    """Return the views that share a patient, group or image with a table of training views."""
    known = (pl.col(key).is_in(set(training[key])) for key in IDENTITY)
    return views.filter(pl.any_horizontal(known))
