"""A run on a lake without markers predicts, evaluates and refuses as its lake says."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from tests.commands import call
from tests.conftest import SIZE_PX
from trainer.inference.image_input import read_view
from trainer.runs.evaluation_folder import open_predictions
from trainer.runs.results_writer import write_json
from trainer.runs.run_folder import CONFIG_FILE
from trainer.runs.saved.run_files import write_digests

VALID = "valid/XR_WRIST"


def _ingest(tree: Path, root: Path, *words: str) -> Lake:
    result = call("mura-ingest", tree, f"lake={root}", f"size={SIZE_PX}", "parts=wrist", *words)
    assert result.returncode == 0, result.stderr
    return open_lake(root)


@pytest.fixture(scope="module")
def masked(phantom_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of the wrists without markers."""
    root = tmp_path_factory.mktemp("masked") / "lake"
    return _ingest(phantom_tree, root, "mask=markers", "workers=2")


@pytest.fixture
def masked_run(trained_run: Path, masked: Lake, tmp_path: Path) -> Path:
    """The shared run, as if its lake had no markers."""
    folder = shutil.copytree(trained_run, tmp_path / "run")
    config = json.loads((folder / CONFIG_FILE).read_text())
    config["lake"]["image"] = masked.image.to_json()
    write_json(folder / CONFIG_FILE, config)
    write_digests(folder)
    return folder


def test_only_views_with_markers_change(
    masked: Lake, wrist_lake: Lake, phantom_tree: Path, tmp_path: Path
) -> None:
    assert masked.image == replace(wrist_lake.image, mask="markers")
    both = wrist_lake.manifest.join(masked.manifest, on="view_id", suffix="_masked")
    changed = both.filter(pl.col("pixel_digest") != pl.col("pixel_digest_masked"))
    assert 0 < changed.height < both.height == masked.manifest.height
    with ViewReader(masked, masked.manifest) as reader:
        stored = reader.read(np.arange(len(reader)))[..., 0]
    for image, view_id in zip(stored, masked.manifest["view_id"], strict=True):
        np.testing.assert_array_equal(read_view(phantom_tree / view_id, masked.image).pixels, image)
    verified = call("mura-verify", f"lake={masked.root}", f"source={phantom_tree}")
    assert verified.returncode == 0, verified.stderr
    # neither the number of workers nor an earlier lake in the same folder matters
    root = tmp_path / "lake"
    digests = [
        _ingest(phantom_tree, root, *words).digest
        for words in (["workers=1"], ["mask=markers", "workers=1"], ["workers=1"])
    ]
    assert digests == [wrist_lake.digest, masked.digest, wrist_lake.digest]


def test_a_file_is_predicted_as_its_view_in_the_lake(
    masked_run: Path, masked: Lake, phantom_tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "evaluation"
    result = call("mura-evaluate", f"run={masked_run}", f"lake={masked.root}", f"out={out}")
    assert result.returncode == 0, result.stderr
    result = call("mura-predict", phantom_tree / VALID, f"run={masked_run}", "format=csv")
    views = pl.read_csv(io.StringIO(result.stdout)).filter(level="view")
    files = views.select(
        "probability", view_id=pl.col("path").str.strip_prefix(f"{phantom_tree}/")
    ).sort("view_id")
    scored = open_predictions(str(out)).scored.sort("view_id")
    assert files["view_id"].to_list() == scored["view_id"].to_list()
    np.testing.assert_allclose(files["probability"], scored["probability"], atol=1e-6)


def test_other_lakes_and_exports_are_refused(
    masked_run: Path, trained_run: Path, masked: Lake, wrist_lake: Lake, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for run, lake, expected in (
        (masked_run, wrist_lake, r"mask=markers. Received: lake="),
        (trained_run, masked, r"mask=none. Received: lake="),
    ):
        result = call("mura-evaluate", f"run={run}", f"lake={lake.root}", f"out={out}")
        assert (result.returncode, result.stdout) == (1, "")
        assert expected in result.stderr
    result = call("mura-export", f"run={masked_run}", f"out={out}")
    assert result.returncode == 1
    assert "Received: a run on a lake with mask=markers" in result.stderr
    assert not out.exists()
