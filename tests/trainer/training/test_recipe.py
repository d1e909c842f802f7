"""A pretrained model as a user trains it: its views are embedded once, its file takes images."""

import io
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import polars as pl
import pytest

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from tests.commands import run
from tests.conftest import make_cache
from trainer.commands.export import export
from trainer.data.dataset import open_data
from trainer.data.split import plan_final_fit
from trainer.inference.trained_model import predict
from trainer.options import ExportOptions, TrainOptions
from trainer.runs.context import RunContext
from trainer.runs.run_folder import LITERT_FILE
from trainer.runs.saved.open import open_saved_run
from trainer.training.recipe import make_fit

pytestmark = pytest.mark.slow

WORDS = ("part=wrist", "model=efficientnet_lite0")


@pytest.fixture(scope="module", autouse=True)
def _own_embeddings(
    shared_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[None, None, None]:
    """Keep apart the embeddings that other tests have made of the same wrists."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(make_cache(shared_folder, tmp_path_factory)))
        yield


@pytest.fixture(scope="module")
def trained(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "head"
    result = run("mura-train", *WORDS, f"lake={lake.root}", f"out={out}")
    assert result.returncode == 0, result.stderr
    return out


def assert_saved_model_answers_as_scored(folder: Path, lake: Lake) -> None:
    import keras

    from trainer.data.target import predictions_table
    from trainer.inference.keras_inference import infer

    model: Any = keras.models.load_model(folder / "model.keras")
    assert model.input_shape == (None, lake.image.size, lake.image.size, 1)
    scored = pl.read_parquet(folder / "predictions.parquet").filter(role="test")
    assert scored.height >= 5
    assert scored["probability"].is_unique().all()
    views = lake.manifest.filter(pl.col("view_id").is_in(scored["view_id"].to_list()))
    with ViewReader(lake, views) as reader:
        predictions = predictions_table(views, infer(model, reader, "predict"))
    again = scored.join(predictions, on="view_id", suffix="_again")
    assert again.height == scored.height
    assert (again["probability"] - again["probability_again"]).abs().max() < 1e-5


def test_the_saved_model_gives_the_predictions_made_of_embeddings(
    trained: Path, lake: Lake
) -> None:
    assert_saved_model_answers_as_scored(trained, lake)


@pytest.mark.parametrize(
    "format_",
    [
        "tflite",
        pytest.param("saved_model", marks=pytest.mark.benchmark),
        pytest.param("onnx", marks=pytest.mark.benchmark),
    ],
)
def test_every_format_of_a_head_gives_the_same_probabilities(
    format_: Literal["saved_model", "tflite", "onnx"], trained: Path, tmp_path: Path
) -> None:
    # written only if its probabilities are those of the run
    assert (trained / "model.tflite").exists()
    options = ExportOptions(run=str(trained), format=format_, out=str(tmp_path / "export"))
    # raises TrainingError if a probability differs by more than 1e-4
    export(options, open_saved_run(options.run))
    assert (tmp_path / "export").exists()


@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_noise_is_unlike_the_training_views_and_radiographs_are_not(
    engine: str, trained: Path, phantom_tree: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    films = sorted((phantom_tree / "valid" / "XR_WRIST").rglob("*.png"))[:8]
    for number, film in enumerate(films):
        grey = cv2.imread(str(film), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(tmp_path / f"inverted{number}.png"), 255 - grey)
    paths = (phantom_tree / "valid" / "XR_WRIST", tmp_path)
    words = (f"run={trained}", "format=csv", f"engine={engine}")
    result = run("mura-predict", *paths, *words)
    assert result.returncode == 0, result.stderr
    views = pl.read_csv(io.StringIO(result.stdout)).filter(level="view")
    unlike = dict(views.select("path", "unlike").iter_rows())
    assert unlike.pop(str(tmp_path / "noise.png"))
    inverted = [unlike.pop(str(tmp_path / f"inverted{n}.png")) for n in range(len(films))]
    assert any(inverted)
    is_inverted = pl.col("path").str.contains("inverted")
    assert (views.filter(is_inverted)["distance_percentile"] > 90).all()
    assert sum(unlike.values()) <= 0.1 * len(unlike)
    assert views["distance_percentile"].is_between(0, 100).all()
    assert "unlike anything this model was trained on: " in result.stderr


def test_validation_is_predicted_before_the_head_is_fitted_to_it(
    trained: Path, lake: Lake, tmp_path: Path
) -> None:
    options = TrainOptions(part="wrist", lake=str(lake.root))
    data = open_data(options)
    plan = plan_final_fit(data, options.seed)
    fit = make_fit(RunContext(options, data.lake, tmp_path), options.model, plan)
    (first,) = fit(plan, [options.candidate], "first")
    (final,) = fit(plan.without_validation(), [options.candidate], "final")
    scored = pl.read_parquet(trained / "predictions.parquet")
    for role, model, views in (
        ("validation", first, plan.validation),
        ("test", final, plan.test),
    ):
        kept = views.select("view_id").join(scored.filter(role=role), on="view_id", how="left")
        found = predict([model], views)["probability"].to_numpy()
        np.testing.assert_allclose(kept["probability"].to_numpy(), found, atol=1e-12)
    card = (trained / "model_card.md").read_text()
    assert "the saved head was then fitted to train and validation views" in card
    assert "4 rows of weight 1/4: the view, its mirror image and 2 random light changes" in card


def test_the_phases_of_a_head_are_timed(trained: Path) -> None:
    seconds = json.loads((trained / "config.json").read_text())["seconds"]
    phases = {"open", "embed", "train", "evaluate", "save", "explain"}
    assert set(seconds) - {"start TensorFlow", "convert"} == phases


@pytest.mark.benchmark
def test_kept_embeddings_serve_every_fold_and_give_the_same_predictions(
    trained: Path, lake: Lake, tmp_path: Path
) -> None:
    words = (*WORDS, f"lake={lake.root}", f"out={tmp_path / 'again'}", "images=off")
    result = run("mura-train", *words)
    assert result.returncode == 0, result.stderr
    first, again = (
        pl.read_parquet(folder / "predictions.parquet") for folder in (trained, tmp_path / "again")
    )
    assert first.equals(again)


def test_only_models_with_a_backbone_are_frozen_and_only_unless_told_otherwise() -> None:
    assert TrainOptions().trained_part("efficientnet_lite0") == "head"
    assert TrainOptions(train="all").trained_part("efficientnet_lite0") == "all"
    assert TrainOptions(train="staged").trained_part("efficientnet_lite0") == "staged"
    assert TrainOptions().trained_part("cnn4") == "all"


def test_rate_and_dropout_are_the_models_own_unless_given() -> None:
    name = "efficientnet_lite0"
    for options, model, rate, dropout in (
        (TrainOptions(train="all"), name, 1e-4, 0.2),
        (TrainOptions(weights="none"), name, 1e-3, 0.2),
        (TrainOptions(model="cnn2"), "cnn2", 1e-3, 0.5),
        (TrainOptions(model="cnn2", learning_rate=0.02, dropout=0), "cnn2", 0.02, 0),
    ):
        assert (options.learning_rate_of(model), options.dropout_of(model)) == (rate, dropout)


def _measure_head(lake: Lake, folder: Path) -> float:
    """Return the mean loss on the validation views of a head that is trained alone."""
    options = TrainOptions(part="wrist", lake=str(lake.root), tta="none")
    data = open_data(options)
    plan = plan_final_fit(data, options.seed)
    fit = make_fit(RunContext(options, data.lake, folder), options.model, plan)
    (head,) = fit(plan, [options.candidate], "head")
    predicted = predict([head], plan.validation).join(plan.validation, on="view_id")
    labels, probabilities = (predicted[name].to_numpy() for name in ("label", "probability"))
    return float(-np.mean(np.log(np.where(labels, probabilities, 1 - probabilities))))


def test_staged_tuning_starts_from_the_head_and_never_ends_below_it(
    trained: Path, lake: Lake, tmp_path: Path
) -> None:
    words = (*WORDS, "train=staged", "epochs=1", "images=off")
    result = run("mura-train", *words, f"lake={lake.root}", f"out={tmp_path / 'run'}")
    assert result.returncode == 0, result.stderr
    # the head has dropout around the means of its features, which LiteRT must accept
    assert (tmp_path / "run" / LITERT_FILE).exists(), result.stderr
    history = pl.read_parquet(tmp_path / "run" / "history.parquet")
    assert history["epoch"].to_list() == [0, 1]
    assert history["loss"].is_null().to_list() == [True, False]
    assert history["val_loss"][0] == pytest.approx(_measure_head(lake, tmp_path), rel=1e-3)
    assert history.filter("is_best")["val_loss"][0] <= history["val_loss"][0]
    assert_saved_model_answers_as_scored(tmp_path / "run", lake)
    assert (tmp_path / "run" / "model.tflite").exists()
    assert (tmp_path / "run" / "reference.parquet").exists()
