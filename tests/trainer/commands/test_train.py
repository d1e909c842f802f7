"""Training as a user runs it: a run folder that stands alone, the same for the same seed."""

import json
import os
import re
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from tests.commands import run
from tests.conftest import NUM_EPOCHS
from trainer.evaluation.decisions.thresholds import CALIBRATED, add_calibrated, decide
from trainer.evaluation.metrics import measure
from trainer.report.error_analysis import HEAT_MAPS, shown_views
from trainer.runs.provenance import digest_code
from trainer.runs.saved.open import open_saved_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cross_validated(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "cv"
    words = ("part=wrist", "k=2", "models=cnn4,cnn2", "epochs=1", "batch_size=16", "images=off")
    result = run("mura-cv", *words, f"lake={lake.root}", f"out={out}")
    assert result.returncode == 0, result.stderr
    assert "best of 2 candidates, by pooled view AUROC: cnn" in result.stdout
    return out


def test_the_run_folder_stands_alone(trained_run: Path, lake: Lake) -> None:
    # only runs whose features distinguish noise from radiographs have a reference
    names = {path.name for path in trained_run.iterdir()} - {"reference.parquet"}
    assert names == {
        "SHA256SUMS",
        "config.json",
        "decision.json",
        "figures",
        "heat_maps",
        "history.parquet",
        "metrics.json",
        "model.keras",
        "model.tflite",
        "model_card.md",
        "predictions.parquet",
        "report.html",
        "tensorboard",
        "training_views.parquet",
    }
    config = json.loads((trained_run / "config.json").read_text())
    assert config["lake"]["digest"] == lake.digest
    assert config["options"]["seed"] == 5
    assert config["versions"]["tensorflow"] == "2.16.2"
    assert config["versions"]["mura-lake"] == version("mura-lake")
    assert list(config["seconds"]) == [
        "open",
        "start TensorFlow",
        "train",
        "evaluate",
        "save",
        "explain",
    ]
    assert min(config["seconds"].values()) > 0
    assert 0 < config["waiting_share"]["train"] < 0.5
    assert config["code"]["digest"] == digest_code()
    assert config["starts"] == 1
    assert config["hardware"]["processor"]
    assert config["hardware"]["num_cores"] == os.cpu_count()
    assert 0.1 < config["hardware"]["memory_gb"] < 1e5
    assert isinstance(config["hardware"]["gpus"], list)
    history = pl.read_parquet(trained_run / "history.parquet")
    assert history["epoch"].to_list() == list(range(1, NUM_EPOCHS + 1))
    assert history["is_best"].sum() == 1


def test_tensorboard_finds_each_epoch(trained_run: Path) -> None:
    import tensorflow as tf

    history = pl.read_parquet(trained_run / "history.parquet")
    for name, prefix in (("training", ""), ("validation", "val_")):
        (file,) = (trained_run / "tensorboard" / "cnn4" / name).iterdir()
        found: dict[tuple[str, int], float] = {}
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event: Any = tf.compat.v1.Event.FromString(record)  # pyright: ignore[reportAttributeAccessIssue]  # a lazy module
            for value in event.summary.value:
                found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))  # pyright: ignore[reportAttributeAccessIssue]  # a lazy module
        expected = {
            (measure, epoch): pytest.approx(row[f"{prefix}{measure}"])
            for epoch, row in enumerate(history.iter_rows(named=True), 1)
            for measure in ("loss", "accuracy", "auroc")
        }
        assert found == expected


def test_every_view_of_validation_and_test_is_predicted_once(trained_run: Path, lake: Lake) -> None:
    scored = pl.read_parquet(trained_run / "predictions.parquet")
    wrist = lake.manifest.filter(body_part="wrist")
    test = scored.filter(role="test")
    assert sorted(test["view_id"]) == wrist.filter(split="valid")["view_id"].to_list()
    validation = scored.filter(role="validation")
    assert validation["view_id"].is_unique().all()
    assert set(validation["view_id"]) < set(wrist.filter(split="train")["view_id"])
    assert scored["probability"].is_between(0, 1).all()
    truth = scored.join(wrist, on="view_id", suffix="_lake")
    assert truth.height == scored.height
    assert truth["label"].equals(truth["label_lake"])


def test_thresholds_and_temperatures_are_learnt_on_validation_and_kept(trained_run: Path) -> None:
    scored = pl.read_parquet(trained_run / "predictions.parquet")
    decision = open_saved_run(str(trained_run)).decision
    assert decision == decide(scored.filter(role="validation"), "cnn4")
    assert decision.learnt_on == "validation"
    metrics = json.loads((trained_run / "metrics.json").read_text())
    assert metrics["decision"] == asdict(decision)
    assert add_calibrated(scored.drop(CALIBRATED), decision).equals(scored)
    calibrated = scored.with_columns(probability=pl.col(CALIBRATED)).filter(role="test")
    assert measure(calibrated)["view_auroc"] == metrics["test"]["all"]["view_auroc"]


def test_the_saved_model_gives_the_saved_predictions(trained_run: Path, lake: Lake) -> None:
    import keras

    from trainer.data.target import predictions_table
    from trainer.inference.keras_inference import infer

    model: Any = keras.models.load_model(trained_run / "model.keras")
    scored = pl.read_parquet(trained_run / "predictions.parquet").filter(role="test")
    views = lake.manifest.filter(pl.col("view_id").is_in(scored["view_id"].to_list()))
    with ViewReader(lake, views) as reader:
        predictions = predictions_table(views, infer(model, reader, "predict"))
    again = scored.join(predictions, on="view_id", suffix="_again")
    assert again.height == scored.height
    assert (again["probability"] - again["probability_again"]).abs().max() < 1e-6


def test_cross_validation_predicts_each_train_view_once_a_model(
    cross_validated: Path, lake: Lake
) -> None:
    scored = pl.read_parquet(cross_validated / "predictions.parquet")
    train = lake.manifest.filter(split="train", body_part="wrist")["view_id"].to_list()
    for model in ("cnn2", "cnn4"):
        out_of_fold = scored.filter(role="out_of_fold", model=model)
        assert sorted(out_of_fold["view_id"]) == train
        assert set(out_of_fold["fold"]) == {0, 1}
        groups = out_of_fold.group_by("group").agg(pl.col("fold").n_unique())
        assert groups["fold"].max() == 1


def test_the_chosen_candidate_has_the_best_auroc_and_is_scored_once(
    cross_validated: Path, lake: Lake
) -> None:
    metrics = json.loads((cross_validated / "metrics.json").read_text())
    auroc = {name: parts["all"]["view_auroc"] for name, parts in metrics["out_of_fold"].items()}
    assert list(auroc) == ["cnn4", "cnn2"]
    assert metrics["chosen"] == max(auroc, key=lambda name: auroc[name])
    scored = pl.read_parquet(cross_validated / "predictions.parquet")
    assert open_saved_run(str(cross_validated)).decision == decide(scored, metrics["chosen"])
    assert metrics["decision"]["learnt_on"] == "out_of_fold"
    test = scored.filter(role="test")
    assert set(test["model"]) == {metrics["chosen"]}
    valid = lake.manifest.filter(split="valid", body_part="wrist")
    assert sorted(test["view_id"]) == valid["view_id"].to_list()


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the kept pictures by view."""
    root = folder / HEAT_MAPS
    return {path.relative_to(root).as_posix()[:-4]: path for path in root.rglob("*.jpg")}


def test_the_report_shows_mistakes_and_uncertain_studies_with_their_heat_maps(
    trained_run: Path, lake: Lake
) -> None:
    test = pl.read_parquet(trained_run / "predictions.parquet").filter(role="test")
    pictures = _pictures(trained_run)
    assert set(pictures) == shown_views(test, open_saved_run(str(trained_run)).decision)
    page = (trained_run / "report.html").read_text()
    assert set(re.findall(r'<img src="data:image/jpeg;[^"]+" alt="(.*?):', page)) == set(pictures)
    assert len(page) < 2e6
    views = lake.manifest.filter(pl.col("view_id").is_in(pictures))
    with ViewReader(lake, views) as reader:
        images = reader.read(np.arange(views.height))[..., 0]
    size_px = lake.image.size
    for view_id, image in zip(views["view_id"], images, strict=True):
        picture = cv2.imread(str(pictures[view_id]))
        assert picture is not None
        assert picture.shape == (size_px, 2 * size_px + 4, 3)
        shown = picture[:, :size_px].astype(float)
        assert np.abs(shown - image[..., None]).mean() < 4


def test_without_images_nothing_of_a_radiograph_is_kept(cross_validated: Path) -> None:
    assert not (cross_validated / HEAT_MAPS).exists()
    page = (cross_validated / "report.html").read_text()
    assert "<img" not in page
    assert "Radiographs and heat maps were left out" in page
    assert (
        "the files of this run contain no pixels" in (cross_validated / "model_card.md").read_text()
    )


def test_a_run_folder_is_never_overwritten(trained_run: Path, lake: Lake) -> None:
    result = run("mura-train", "part=wrist", f"lake={lake.root}", f"out={trained_run}")
    assert result.returncode == 2
    assert f"Received: out={trained_run}, which exists" in result.stderr
