"""The whole command: page and tables of a cross-validation, and the refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl

from shared.lake.open import Lake
from tests.commands import call
from tests.trainer.run_folders import fit, write_run
from trainer.audit.shortcuts.hidden_regions import BONE, score_hidden
from trainer.data.split import FitPlan
from trainer.inference.litert import LiteRtModel
from trainer.inference.novelty import Reference, normalize, write_reference
from trainer.runs.results_writer import write_json
from trainer.runs.run_folder import CONFIG_FILE, LITERT_FILE, METRICS_FILE, MODEL_FILE
from trainer.runs.saved.open import open_new_run
from trainer.runs.saved.run_files import write_digests
from trainer.runs.saved.training_views import write_training_views

NUM_NEW = 10


def _list_wrong(lake: Lake) -> list[str]:
    """Return the studies whose label the made-up predictions contradict."""
    return (
        lake.manifest.filter(split="train", body_part="wrist")["study_id"]
        .unique()
        .sort()[:3]
        .to_list()
    )


def _write_cv(folder: Path, lake: Lake, trained_run: Path) -> Path:
    """Write a cross-validation of made-up predictions of the lake's wrists, and a real model."""
    rng, wrong = np.random.default_rng(0), _list_wrong(lake)
    scored: list[tuple[object, ...]] = []
    for row in lake.manifest.filter(body_part="wrist").iter_rows(named=True):
        is_train = row["split"] == "train"
        fold, role = (row["group"] % 3, "out_of_fold") if is_train else (None, "test")
        probability = float(0.6 * row["label"] + 0.4 * rng.random())
        if row["study_id"] in wrong:
            probability = 0.97 - 0.94 * row["label"]
        names = ("study_id", "body_part", "label", "group")
        own = [row[name] for name in names]
        scored.append((row["view_id"], "cnn", fold, role, probability, *own))
    write_run(folder, "cv", scored, list(fit("cnn")))
    for name in (LITERT_FILE, MODEL_FILE):
        shutil.copy(trained_run / name, folder / name)
    config = json.loads((folder / CONFIG_FILE).read_text())
    recorded = {"path": str(lake.store), "digest": lake.digest, "image": lake.image.to_json()}
    write_json(folder / CONFIG_FILE, config | {"lake": config["lake"] | recorded})
    write_json(folder / METRICS_FILE, open_new_run(folder).metrics)
    _write_reference(folder, lake)
    write_digests(folder)
    return folder


def _write_reference(folder: Path, lake: Lake) -> None:
    """Write a made-up reference; the model learnt from all but ten of the train views."""
    train = lake.manifest.filter(split="train", body_part="wrist")
    write_training_views(folder, FitPlan(train[NUM_NEW:], train[:NUM_NEW], train.clear()))
    num_features = LiteRtModel((folder / LITERT_FILE).read_bytes(), 1).num_features
    directions = normalize(np.random.default_rng(0).random((20, num_features), np.float32))
    write_reference(folder, Reference(directions, np.linspace(0, 1, 120)))


def test_the_command_writes_a_page_and_tables(
    lake: Lake, trained_run: Path, tmp_path: Path
) -> None:
    run = _write_cv(tmp_path / "run", lake, trained_run)
    before = sorted(run.rglob("*"))
    out = tmp_path / "audit"
    words = (f"run={run}", f"out={out}", "sample=20")
    result = call("mura-audit", *words, "hide=on")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"report: {out / 'audit.html'}"
    assert sorted(run.rglob("*")) == before

    page = (out / "audit.html").read_text()
    assert 'src="data:image/jpeg' in page
    assert "<script" not in page
    assert "heat maps (Layer-CAM) of the saved model" in page
    assert "which computes heat maps" in result.stderr
    suspects = pl.read_csv(out / "suspects.csv")
    assert set(_list_wrong(lake)) <= set(suspects["study"])
    assert f"suspects {suspects.height} studies" in page
    assert set(suspects["study"]) <= set(lake.manifest["study_id"])
    # phantoms of other patients are not copies, and random predictions look at no marker
    copies = pl.read_csv(out / "copies.csv", schema_overrides={"leaks": pl.Boolean})
    assert not copies["leaks"].any()
    scores = pl.read_csv(out / "shortcuts.csv")
    assert set(scores["test"]) == {"model", "image property", "hardware"}
    assert "The run has no frozen backbone" in page
    outliers = pl.read_csv(out / "outliers.csv")
    assert dict(outliers["role"].value_counts().iter_rows()) == {
        "out_of_fold": NUM_NEW,
        "test": lake.manifest.filter(split="valid", body_part="wrist").height,
    }
    assert "before the head of the saved model" in page

    again = call("mura-audit", *words)
    assert again.returncode == 2
    assert "Expected a folder that does not exist." in again.stderr
    out.rename(tmp_path / "first")
    without = call("mura-audit", *words, "images=off")
    assert without.returncode == 0, without.stderr
    # heat maps alone need TensorFlow
    assert "TensorFlow" not in without.stderr
    assert "audit: shortcuts" in without.stderr
    assert "data:image" not in (out / "audit.html").read_text()


def test_other_runs_and_other_lakes_are_refused(
    lake: Lake, wrist_lake: Lake, trained_run: Path, tmp_path: Path
) -> None:
    result = call("mura-audit", f"run={trained_run}")
    assert result.returncode == 1
    assert "Expected the run of a cross-validation" in result.stderr
    run = _write_cv(tmp_path / "run", lake, trained_run)
    config = json.loads((run / CONFIG_FILE).read_text())
    result = call("mura-audit", f"run={run}", f"lake={wrist_lake.root}")
    assert result.returncode == 1
    assert "Expected the lake of the run" in result.stderr
    write_json(run / CONFIG_FILE, config | {"lake": config["lake"] | {"path": "moved"}})
    write_digests(run)
    result = call("mura-audit", f"run={run}")
    assert result.returncode == 1
    assert "lake=moved, as the run recorded it; lake= gives its path now" in result.stderr
    assert not (run / "audit").exists()


def test_regions_are_hidden_before_the_backbone(lake: Lake, trained_run: Path) -> None:
    views = lake.manifest.filter(split="train", body_part="wrist")
    views = views.with_columns(fold=pl.col("group") % 3)
    model = LiteRtModel((trained_run / LITERT_FILE).read_bytes(), 1)
    # as the only feature, the label itself
    plain = views["label"].to_numpy().astype(np.float32)[:, None]
    scores = score_hidden(model, plain, lake, views, 1.0)
    assert [score.name for score in scores] == ["nothing", BONE, "all but this box"]
    assert scores[0].auroc == 1
    assert all(score.auroc is not None and score.auroc < 1 for score in scores[1:])


def test_options_are_checked() -> None:
    result = call("mura-audit", "sample=5")
    assert result.returncode == 2
    assert "Expected sample to be 20 or more. Received: sample=5" in result.stderr
