"""A model trained on corrected labels, scored by these and by the published ones."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shared.lake.open import open_lake
from tests.commands import run

pytestmark = pytest.mark.slow


def test_training_takes_the_corrected_labels_and_reports_both(
    phantom_tree: Path, tmp_path: Path
) -> None:
    studies = sorted(phantom_tree.glob("*/XR_WRIST/*/*"))
    chosen = [[s for s in studies if s.parts[-4] == split][:6] for split in ("train", "valid")]
    changed = {s.relative_to(phantom_tree).as_posix() for part in chosen for s in part}
    corrections = tmp_path / "corrections.csv"
    lines = [f"{study},{int(study.endswith('negative'))}" for study in sorted(changed)]
    corrections.write_text("\n".join(lines))
    lake, out = tmp_path / "lake", tmp_path / "run"
    words = ("parts=wrist", "size=64", "workers=2", f"label_from={corrections}")
    ingested = run("mura-ingest", phantom_tree, f"lake={lake}", *words)
    assert ingested.returncode == 0, ingested.stderr
    assert f"labels: {len(changed)} studies" in ingested.stderr
    trained = run("mura-train", "part=wrist", "recipe=quick", f"lake={lake}", f"out={out}")
    assert trained.returncode == 0, trained.stderr

    manifest = open_lake(lake).manifest.select("view_id", "study_id", "label")
    scored = pl.read_parquet(out / "predictions.parquet")
    both = scored.join(manifest, on="view_id", suffix="_of_lake")
    assert both.height == scored.height
    np.testing.assert_array_equal(both["label"], both["label_of_lake"])
    differs = both.filter(pl.col("label") != pl.col("label_as_published"))
    assert "test" in differs["role"]
    metrics = json.loads((out / "metrics.json").read_text())
    tested = scored.filter(role="test")
    for measures, column in (
        (metrics["test"]["all"], "label"),
        (metrics["as_published"]["test"], "label_as_published"),
    ):
        assert measures["num_views"] == tested.height
        assert measures["num_abnormal_views"] == tested[column].sum()
    assert metrics["as_published"]["test"]["view_auroc"] != metrics["test"]["all"]["view_auroc"]
    assert "By the labels as published" in (out / "report.html").read_text()
