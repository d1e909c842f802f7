"""Exports answer as the kept model does, to grey images of any size."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shared.decode import decode_radiograph
from shared.errors import TrainingError
from shared.image_spec import ImageSpec
from shared.lake import Lake
from shared.prepare import prepare
from tests.commands import run
from trainer.export.formats import FORMATS
from trainer.export.prepare import check_exportable
from trainer.kept import open_kept

NUM_VIEWS = 100


@pytest.mark.parametrize("name", ["saved_model", "tflite", "onnx"])
def test_100_views_get_the_models_probabilities(
    name: str, trained_run: Path, lake: Lake, phantom_tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "exported"
    result = run("mura-export", f"run={trained_run}", f"format={name}", f"out={out}")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"export: {out}"
    assert "uint8 (batch, height, width, 1)" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"exported"}

    model, ask = open_kept(str(trained_run)).load_model(), FORMATS[name].open(out)
    views = lake.manifest.sample(NUM_VIEWS, seed=3).select(pl.col("view_id")).to_series()
    sources = [decode_radiograph((phantom_tree / view).read_bytes()).grey for view in views]
    # some smaller than the lake's images, so that they grow
    sources = [grey[::9, ::9] if row % 5 == 0 else grey for row, grey in enumerate(sources)]
    prepared = np.stack([prepare(grey, lake.image) for grey in sources])[..., None]
    answers = np.concatenate([ask(grey[None, ..., None].copy()) for grey in sources])
    assert np.abs(answers - model.predict_on_batch(prepared)).max() < 1e-4


def test_what_is_there_is_not_replaced(trained_run: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    result = run("mura-export", f"run={trained_run}", f"out={tmp_path / 'there'}")
    assert result.returncode == 2
    assert "which exists" in result.stderr
    assert (tmp_path / "there").read_text() == "mine"


@pytest.mark.parametrize(
    "spec",
    [
        ImageSpec(fit="stretch"),
        ImageSpec(crop="field"),
        ImageSpec(contrast="clahe"),
        ImageSpec(encoding="jpeg"),
    ],
)
def test_a_preparation_that_is_no_plain_arithmetic_is_refused(spec: ImageSpec) -> None:
    with pytest.raises(TrainingError, match="put into a graph"):
        check_exportable(spec)
