"""Run folders for tests: small ones, of made-up predictions, without their report."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shared.images.spec import ImageSpec
from trainer.data.target import Target
from trainer.evaluation.decisions.thresholds import decide
from trainer.evaluation.results import selected_model
from trainer.evaluation.scored_table import SCORED_SCHEMA
from trainer.options import CvOptions, TrainOptions
from trainer.options.threshold import parse_threshold
from trainer.runs.results_writer import write_json, write_tables
from trainer.runs.run_folder import METRICS_FILE
from trainer.runs.saved.open import open_new_run
from trainer.runs.saved.run_files import write_digests
from trainer.runs.saved.validation import RUN_HISTORY_SCHEMA

BINARY = Target("abnormal")
PARTS = ("hand", "wrist")
NUM_STUDIES = {"validation": 20, "test": 40, "out_of_fold": 12}


def predict(model: str, role: str, fold: int | None = None, parts: tuple[str, ...] = ("wrist",)):
    """Yield the scored rows of a set: two views a study, more often right than not."""
    rng = np.random.default_rng([len(role), fold or 0])
    split, base = ("valid", 5000) if role == "test" else ("train", 100 * (fold or 0))
    for patient in range(base, base + NUM_STUDIES[role]):
        label, part = patient % 2, parts[patient // 2 % len(parts)]
        study = f"{split}/XR_{part.upper()}/patient{patient:05}/study1_{label}"
        for image in (1, 2):
            probability = float(0.2 * label + 0.8 * rng.random())
            view = f"{study}/image{image}.png"
            yield view, model, fold, role, probability, study, part, label, patient


def fit(model: str, fold: int | None = None, num_epochs: int = 3):
    """Yield the history of one model."""
    for epoch in range(1, num_epochs + 1):
        yield {
            "model": model,
            "fold": fold,
            "epoch": epoch,
            "loss": 1 / (epoch + 1),
            "val_loss": 1 / (epoch + 1),
            "val_auroc": 0.7,
            "images_per_s": 23.0,
            "train_s": 1.5,
            "waiting_s": 0.003,
            "is_best": epoch == min(2, num_epochs),
        }


def write_run(
    folder: Path,
    command: str,
    scored: list[Any],
    history: list[Any],
    target: Target = BINARY,
) -> Path:
    counts = {"num_views": 40, "num_studies": 20, "num_patients": 20, "num_abnormal_views": 16}
    config = {
        "command": command,
        "classes": list(target.class_names),
        "options": asdict(
            {"train": TrainOptions, "cv": CvOptions}[command](part="wrist", train="all", epochs=3)
        ),
        "lake": {
            "path": "/lake",
            "digest": "d1ge57",
            "num_views": 100,
            "image": ImageSpec(64).to_json(),
        },
        "code": {"digest": "c0de", "commit": None},
        "versions": {"python": "3.11", "mura-lake": "0.1.0"},
        "hardware": {"processor": "abacus", "num_cores": 2, "gpus": []},
        "starts": 2,
        "seconds": {"open": 1.2, "embed": 50.0, "train": 3700.0},
        "waiting_seconds": {"embed": 0.5},
        "sets": [
            {"name": name, "body_parts": PARTS, **counts}
            for name in ("train", "validation", "test")
        ],
    }
    folder.mkdir(exist_ok=True)
    predictions = pl.DataFrame(scored, SCORED_SCHEMA, orient="row")
    if target.parts:
        predictions = _add_classes(predictions, target)
    rule, seed = parse_threshold(config["options"]["threshold"]), config["options"]["seed"]
    decision = decide(predictions, selected_model(predictions), rule, seed)
    epochs = pl.DataFrame(history, RUN_HISTORY_SCHEMA)
    write_tables(folder, config, epochs, predictions, decision)
    return folder


def _add_classes(predictions: pl.DataFrame, target: Target) -> pl.DataFrame:
    """Return the table with class probabilities: the part is always right."""
    probabilities = np.zeros((predictions.height, target.num_outputs))
    rows, normal = np.arange(predictions.height), target.numbers(predictions) // 2 * 2
    probabilities[rows, normal + 1] = predictions["probability"].to_numpy()
    probabilities[rows, normal] = 1 - predictions["probability"].to_numpy()
    return predictions.with_columns(class_probabilities=pl.Series(probabilities.tolist()))


def write_train(folder: Path, model: str = "cnn", roles: tuple[str, ...] = ("validation", "test")):
    scored = [row for role in roles for row in predict(model, role, parts=("hand", "wrist"))]
    return write_run(folder, "train", scored, list(fit(model)))


def write_cv(folder: Path, roles: tuple[str, ...] = ("validation", "test")) -> Path:
    tasks = [(model, fold) for model in ("small", "large/2") for fold in range(3)]
    scored = [row for model, fold in tasks for row in predict(model, "out_of_fold", fold)]
    scored += [row for role in roles for row in predict("large/2", role)]
    history = [row for model, fold in tasks for row in fit(model, fold)]
    return write_run(folder, "cv", scored, [*history, *fit("large/2")])


def finish(folder: Path) -> Path:
    """Write the metrics and digests of a run, without its report, so that it counts as finished."""
    write_json(folder / METRICS_FILE, open_new_run(folder).metrics)
    write_digests(folder)
    return folder
