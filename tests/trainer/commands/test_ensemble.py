"""A cross-validation of heads: every candidate is told, and fold models may answer together."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from shared.lake.open import Lake
from tests.commands import run
from trainer.report.error_analysis import heat_map_path, shown_views
from trainer.runs.saved.open import open_saved_run

pytestmark = pytest.mark.slow

CANDIDATES = [f"efficientnet_lite0 weight_decay {decay}" for decay in (300, 3000)]


@pytest.fixture(scope="module")
def ensemble(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The run folder of an ensemble, and what the command printed."""
    out = tmp_path_factory.mktemp("runs") / "cv"
    words = (
        "part=shoulder",
        "k=3",
        "weight_decays=300,3000",
        "recipe=quick",
        "ensemble=folds",
    )
    result = run("mura-cv", *words, f"lake={lake.root}", f"out={out}")
    assert result.returncode == 0, result.stderr
    return out, result.stdout


def test_each_candidate_is_printed_fold_by_fold(ensemble: tuple[Path, str]) -> None:
    folder, printed = ensemble
    metrics = json.loads((folder / "metrics.json").read_text())
    tables = printed.split("Study kappa, out-of-fold")
    for key, table in zip(("view_auroc", "study_kappa"), tables, strict=True):
        for name in CANDIDATES:
            (line,) = [line for line in table.splitlines() if line.startswith(f" {name} ")]
            over_folds = metrics["over_folds"][name][key]
            values = [fold[key] for fold in metrics["folds"][name]]
            values += [*over_folds.values(), metrics["out_of_fold"][name]["all"][key]]
            shown = [f"{value:.3f}".replace("-", "\N{MINUS SIGN}") for value in values]
            assert line.split()[3:] == shown
    assert f"best of 2 candidates, by pooled view AUROC: {metrics['chosen']}" in printed


def test_the_kept_model_answers_with_the_mean_over_folds_and_flips(
    ensemble: tuple[Path, str], lake: Lake
) -> None:
    import keras

    from shared.lake.reader import ViewReader

    folder, _ = ensemble
    scored = pl.read_parquet(folder / "predictions.parquet").filter(role="test")
    assert scored["fold"].is_null().all()
    views = lake.manifest.filter(split="valid", body_part="shoulder")
    assert sorted(scored["view_id"]) == sorted(views["view_id"])
    with ViewReader(lake, views) as reader:
        images = reader.read(np.arange(views.height))
    model: Any = keras.models.load_model(folder / "model.keras")
    answers = model.predict(images, verbose=0)[:, 0]
    kept = views.join(scored, on="view_id", maintain_order="left")["probability"].to_numpy()
    np.testing.assert_allclose(answers, kept, atol=1e-5)
    mirrored = model.predict(images[:, :, ::-1], verbose=0)[:, 0]
    np.testing.assert_allclose(answers, mirrored, atol=1e-6)
    members = [layer for layer in model.layers if layer.name.startswith("member_")]
    assert len(members) == 3
    assert sum(layer.name == "efficientnet_lite0" for layer in model.layers) == 1


def test_there_is_no_validation_and_what_is_decided_was_learnt_out_of_fold(
    ensemble: tuple[Path, str],
) -> None:
    folder, _ = ensemble
    scored = pl.read_parquet(folder / "predictions.parquet")
    assert set(scored["role"]) == {"out_of_fold", "test"}
    assert open_saved_run(str(folder)).decision.learnt_on == "out_of_fold"
    sets = {one["name"]: one for one in json.loads((folder / "config.json").read_text())["sets"]}
    chosen = json.loads((folder / "metrics.json").read_text())["chosen"]
    num_train = scored.filter(role="out_of_fold", model=chosen).height
    assert (sets["train"]["num_views"], sets["validation"]["num_views"]) == (num_train, 0)
    page, metrics = (
        (folder / "report.html").read_text(),
        json.loads((folder / "metrics.json").read_text()),
    )
    assert "the ensemble of its 3 fold models" in page
    nested = metrics["nested"]
    assert nested["num_views"] == num_train
    assert f"instead of {metrics['out_of_fold'][chosen]['all']['view_auroc']:.3f}" in page
    assert pl.read_parquet(folder / "history.parquet").is_empty()


def test_fold_models_and_mirror_images_are_explained_together(
    ensemble: tuple[Path, str], lake: Lake
) -> None:
    folder, _ = ensemble
    test = pl.read_parquet(folder / "predictions.parquet").filter(role="test")
    shown = shown_views(test, open_saved_run(str(folder)).decision)
    pictures = [cv2.imread(str(heat_map_path(folder, view_id))) for view_id in shown]
    assert all(picture is not None for picture in pictures)
    # heat has colours, and a radiograph none
    colour = np.ptp(np.array(pictures).astype(int), axis=3)
    assert colour[:, :, : lake.image.size].mean() < 2
    assert colour[:, :, -lake.image.size :].mean() > 5
