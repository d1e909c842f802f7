"""Exports answer as the kept model does, to grey images of any size."""

import resource
import shutil
from pathlib import Path
from typing import Any, Literal

import cv2
import keras
import numpy as np
import polars as pl
import pytest

from shared.errors import TrainingError, WriteError
from shared.images.decode import decode_radiograph
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from tests.commands import call
from tests.conftest import SIZE_PX
from trainer.commands.export import export
from trainer.export.formats import FORMATS, PredictFunction, build_graph
from trainer.export.preprocessing import check_exportable
from trainer.inference.litert import LiteRtModel
from trainer.models.classifier_head import add_classifier
from trainer.models.table import build_backbone
from trainer.options import ExportOptions
from trainer.runs.run_folder import LITERT_FILE, MODEL_FILE
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.run_files import write_digests

pytestmark = pytest.mark.slow

NUM_VIEWS = 100
LIMIT_BYTES = 20_000
SIDES_PX = [
    *((512, width_px) for width_px in range(187, 513, 25)),
    (97, 512),
    (2 * SIZE_PX, 2 * SIZE_PX),
    (5 * SIZE_PX, 3 * SIZE_PX),
    (SIZE_PX, SIZE_PX // 2),
    (SIZE_PX + 1, SIZE_PX - 1),
    (40, 37),
    (30, 900),
]
"""Heights and widths: by shares, by whole steps, by half, not at all, and growing."""


def test_100_views_get_the_models_probabilities(
    trained_run: Path, exported: Path, lake: Lake, phantom_tree: Path
) -> None:
    out, printed = exported / "saved_model", (exported / "stdout").read_text()
    assert printed.splitlines()[-1] == f"export: {out}"
    assert "uint8 (batch, height, width, 1)" in printed
    assert {path.name for path in exported.iterdir()} == {"saved_model", "stdout"}
    assert _disagree(trained_run, lake, phantom_tree, FORMATS["saved_model"].open(out)) < 1e-4


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_other_formats_give_them_too_also_of_pretrained_families(
    name: Literal["tflite", "onnx"],
    pretrained_run: Path,
    lake: Lake,
    phantom_tree: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "exported"
    export(ExportOptions(format=name, out=str(out)), open_saved_run(str(pretrained_run)))
    assert _disagree(pretrained_run, lake, phantom_tree, FORMATS[name].open(out)) < 1e-4


@pytest.mark.benchmark
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_joined_backbones_have_one_probability_everywhere(
    name: Literal["saved_model", "tflite", "onnx"],
    joined_run: Path,
    lake: Lake,
    phantom_tree: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "exported"
    saved = open_saved_run(str(joined_run))
    export(ExportOptions(format=name, out=str(out)), saved)
    assert _disagree(joined_run, lake, phantom_tree, FORMATS[name].open(out), num_views=10) < 1e-4
    predicted = saved.scored.filter(role="test").select("view_id", "probability")
    views = predicted.join(lake.manifest, on="view_id", maintain_order="left")
    with ViewReader(lake, views) as reader:
        images = reader.read(np.arange(views.height))
    by_litert = LiteRtModel((joined_run / LITERT_FILE).read_bytes(), 1).predict(images)
    assert np.abs(by_litert[:, 0] - predicted["probability"].to_numpy()).max() < 1e-4


@pytest.fixture(scope="module")
def joined_run(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "joined"
    model = "model=efficientnet_lite0+efficientnet_lite2"
    result = call(
        "mura-train",
        "part=wrist",
        "recipe=quick",
        "images=off",
        model,
        f"lake={lake.root}",
        f"out={out}",
    )
    assert result.returncode == 0, result.stderr
    return out


@pytest.fixture(scope="module")
def pretrained_run(trained_run: Path, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model is another family's, with weights that nothing has trained."""
    folder = shutil.copytree(trained_run, tmp_path_factory.mktemp("runs") / "mobilenetv2")
    keras.utils.set_random_seed(0)
    backbone: Any = build_backbone("mobilenetv2", SIZE_PX, "none")
    model: Any = add_classifier(backbone)
    views = lake.manifest.sample(32, seed=0)
    with ViewReader(lake, views) as reader:
        sums = backbone.predict_on_batch(reader.read(np.arange(views.height))).sum(axis=1)
    # so that probabilities differ from view to view
    weights = np.full((backbone.output_shape[1], 1), 4 / np.ptp(sums))
    model.get_layer("logits").set_weights([weights, -4 * sums.mean(keepdims=True) / np.ptp(sums)])
    model.save(folder / MODEL_FILE)
    write_digests(folder)
    return folder


def _disagree(
    run: Path, lake: Lake, phantom_tree: Path, ask: PredictFunction, num_views: int = NUM_VIEWS
) -> float:
    """Return the largest difference between an export's probabilities and the model's."""
    model = open_saved_run(str(run)).load_model()
    views = lake.manifest.sample(num_views, seed=3).select(pl.col("view_id")).to_series()
    sources = [decode_radiograph((phantom_tree / view).read_bytes()).grey for view in views]
    # some smaller than the lake's images, so that they grow
    sources = [grey[::9, ::9] if row % 5 == 0 else grey for row, grey in enumerate(sources)]
    prepared = np.stack([prepare(grey, lake.image) for grey in sources])[..., None]
    answers = np.concatenate([ask(grey[None, ..., None].copy()) for grey in sources])
    expected = np.asarray(model.predict_on_batch(prepared))
    assert np.ptp(expected) > 0.01
    return float(np.abs(answers - expected).max())


@pytest.mark.parametrize(
    ("name", "contrast"),
    [*((name, "percentile") for name in sorted(FORMATS)), ("saved_model", "none")],
)
def test_pixels_are_the_lakes_to_the_last_level(
    name: str, contrast: Literal["none", "percentile"], tmp_path: Path
) -> None:
    spec = ImageSpec(size=SIZE_PX, contrast=contrast)
    pixels = keras.Input((SIZE_PX, SIZE_PX, 1), dtype="uint8")
    as_they_are: Any = keras.Model(pixels, keras.layers.Flatten(dtype="float32")(pixels))
    path = tmp_path / FORMATS[name].name
    FORMATS[name].write(build_graph(as_they_are, spec, "pixels"), path)
    ask = FORMATS[name].open(path)
    generator = np.random.default_rng(0)
    for height_px, width_px in SIDES_PX:
        noise = generator.integers(0, 256, (height_px, width_px), np.uint8)
        for grey in (noise, np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)):
            received = ask(grey[None, ..., None].copy()).reshape(SIZE_PX, SIZE_PX)
            np.testing.assert_array_equal(received, prepare(grey, spec))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_disk_that_is_full_is_not_blamed_on_the_model(
    name: Literal["saved_model", "tflite", "onnx"], trained_run: Path, tmp_path: Path
) -> None:
    kept, out = open_saved_run(str(trained_run)), tmp_path / "exported"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, hard))
    try:
        with pytest.raises(
            WriteError, match=rf"Expected to write {out}\. Received: File too large"
        ):
            export(ExportOptions(format=name, out=str(out)), kept)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_answers_nan_is_not_exported(trained_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(trained_run, tmp_path / "run")
    model: Any = open_saved_run(str(folder)).load_model()
    weights = model.get_weights()
    model.set_weights([*weights[:-1], np.full_like(weights[-1], np.nan)])
    model.save(folder / MODEL_FILE)
    write_digests(folder)
    with pytest.raises(TrainingError, match=r"Expected probabilities .* Received: nan"):
        export(ExportOptions(out=str(tmp_path / "exported")), open_saved_run(str(folder)))
    assert not (tmp_path / "exported").exists()


def test_what_is_there_is_not_replaced(trained_run: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    result = call("mura-export", f"run={trained_run}", f"out={tmp_path / 'there'}")
    assert result.returncode == 2
    assert "a path that does not exist" in result.stderr
    assert (tmp_path / "there").read_text() == "mine"


@pytest.mark.parametrize(
    "spec",
    [
        ImageSpec(fit="stretch"),
        ImageSpec(crop="field"),
        ImageSpec(mask="markers"),
        ImageSpec(contrast="clahe"),
        ImageSpec(encoding="jpeg"),
    ],
)
def test_a_preparation_that_is_no_plain_arithmetic_is_refused(spec: ImageSpec) -> None:
    with pytest.raises(TrainingError, match="Expected a lake without"):
        check_exportable(spec)
