"""Fits that start from a run: the same weights, the same held-out patients, and no leak."""

import json
from pathlib import Path

import polars as pl
import pytest

from shared.errors import TrainingError, UsageError
from shared.lake.open import Lake
from tests.commands import run
from tests.trainer.run_folders import finish, predict, write_run
from trainer.data.split import FitPlan
from trainer.options import CvOptions, TrainOptions
from trainer.runs.run_folder import TRAINING_FILE
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.training_views import count_overlap, write_training_views
from trainer.runs.setup import set_up_run
from trainer.runs.start import hold_out_again, open_start


def views(patients: range, split: str = "train") -> pl.DataFrame:
    """Return two views of each patient; labels alternate."""
    numbers = [patient for patient in patients for _ in range(2)]
    names = [f"{split}/{number}/{index}" for index, number in enumerate(numbers)]
    return pl.DataFrame(
        {
            "view_id": names,
            "label": [number % 2 for number in numbers],
            "patient_id": numbers,
            "group": numbers,
            "source_digest": names,
            "pixel_digest": [f"pixels of {name}" for name in names],
        }
    )


def training(train: range, validation: range) -> pl.DataFrame:
    return pl.concat(
        table.with_columns(role=pl.lit(role))
        for role, table in (("train", views(train)), ("validation", views(validation)))
    )


class TestHoldOut:
    PLAN = FitPlan(views(range(4, 12)), views(range(4)), views(range(90, 94), "valid"))

    def test_the_validation_patients_of_the_start_are_held_out_again(self) -> None:
        plan = hold_out_again(
            self.PLAN,
            training(range(20), range(8, 12)).filter(
                (pl.col("role") == "validation") | (pl.col("patient_id") < 8)
            ),
        )
        assert set(plan.validation["patient_id"]) == {8, 9, 10, 11}
        assert set(plan.train["patient_id"]) == set(range(8))
        assert plan.test.equals(self.PLAN.test)

    def test_a_start_on_other_patients_changes_nothing(self) -> None:
        assert hold_out_again(self.PLAN, training(range(50, 60), range(60, 64))) is self.PLAN

    def test_held_out_views_of_one_label_are_refused(self) -> None:
        with pytest.raises(TrainingError, match="validation patients of the start run"):
            hold_out_again(self.PLAN, training(range(8), range(9, 10)))


def test_options_that_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="either start or weights"):
        TrainOptions(start="run", weights="none")
    with pytest.raises(UsageError, match="one model with start"):
        CvOptions(start="run", models="cnn2,cnn4")
    assert TrainOptions(model="cnn4", start="run").trained_part("cnn4") == "head"
    assert TrainOptions(model="cnn4", start="run", train="all").learning_rate_of("cnn4") == 1e-4


def test_a_head_and_another_model_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", "train", list(predict("cnn4", "validation")), [])
    (folder / "model.keras").touch()
    finish(folder)
    with pytest.raises(TrainingError, match="a head on a frozen backbone"):
        open_start(TrainOptions(model="cnn4", start=str(folder)))
    with pytest.raises(TrainingError, match=r"of model=cnn2.* with the model cnn4"):
        open_start(TrainOptions(model="cnn2", start=str(folder)))


def test_a_run_starts_from_another(trained_run: Path, lake: Lake, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("part=wrist", "model=cnn4", "train=all", "epochs=1", "batch_size=16", "images=off")
    own = (f"lake={lake.root}", f"start={trained_run}")
    result = run("mura-train", *words, *own, f"out={out}")
    assert result.returncode == 0, result.stderr
    first, second = open_saved_run(str(trained_run)), open_saved_run(str(out))
    for role in ("train", "validation"):
        patients = [set(r.training_views.filter(role=role)["patient_id"]) for r in (first, second)]
        assert patients[0] == patients[1]
    start = json.loads((out / "config.json").read_text())["start"]
    assert (start["model"], start["body_parts"]) == ("cnn4", ["wrist"])
    assert (
        f"from the model `cnn4` of the run `{trained_run}`" in (out / "model_card.md").read_text()
    )


def test_the_views_of_the_first_run_count_in_a_chain_of_starts(tmp_path: Path) -> None:
    # the second run has other patients, the validation patients of the first apart
    first = training(range(8), range(8, 12))
    write_training_views(
        tmp_path, FitPlan(views(range(20, 24)), views(range(8, 10)), views(range(0))), first
    )
    recorded = pl.read_parquet(tmp_path / TRAINING_FILE)
    patients = {role: set(rows["patient_id"]) for (role,), rows in recorded.group_by("role")}
    assert patients == {"train": {*range(8), *range(20, 24)}, "validation": {*range(8, 12)}}
    assert recorded["view_id"].is_unique().all()
    # a third run on the patients of the first holds out the same ones again
    plan = FitPlan(views(range(4, 12)), views(range(4)), views(range(90, 94), "valid"))
    assert set(hold_out_again(plan, recorded).validation["patient_id"]) == {*range(8, 12)}
    assert count_overlap(views(range(8)), recorded) == {"num_patients": 8, "num_images": 16}


def test_a_run_carries_the_views_of_its_start(
    trained_run: Path, lake: Lake, tmp_path: Path
) -> None:
    options = TrainOptions(
        part="wrist",
        model="cnn4",
        train="all",
        batch_size=16,
        lake=str(lake.root),
        start=str(trained_run),
        out=str(tmp_path / "run"),
    )
    with set_up_run(options, "train", "train") as (context, _, _):
        assert context.start_views is not None
        assert context.start_views.equals(open_saved_run(str(trained_run)).training_views)


def test_folds_of_the_patients_of_the_start_are_refused(trained_run: Path, lake: Lake) -> None:
    options = CvOptions(
        part="wrist",
        models="cnn4",
        k=3,
        train="all",
        batch_size=16,
        lake=str(lake.root),
        start=str(trained_run),
    )
    refusal = "patients of validation, such as that of train/XR_WRIST"
    with (
        pytest.raises(TrainingError, match=refusal),
        set_up_run(options, "cv", "cv"),
    ):
        pass


@pytest.mark.slow
def test_the_backbone_has_the_weights_of_the_run(trained_run: Path, lake: Lake) -> None:
    import keras
    import numpy as np

    from trainer.models.start import weights_of
    from trainer.models.table import build_backbone

    size_px = lake.image.size
    backbone = build_backbone("cnn4", size_px, weights_of(str(trained_run)))
    model = open_saved_run(str(trained_run)).load_model()
    inner = keras.Model(model.input, model.get_layer("logits").input)
    images = np.random.default_rng(0).integers(0, 256, (4, size_px, size_px, 1)).astype(np.uint8)
    found, expected = (m.predict_on_batch(images) for m in (backbone, inner))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert float(np.std(found)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("tta", ["none", "flip"])
@pytest.mark.parametrize("is_staged", [False, True])
def test_the_backbone_is_found_in_every_kind_of_model(
    tmp_path: Path, tta: str, is_staged: bool
) -> None:
    import keras
    import numpy as np

    from trainer.models.classifier_head import add_classifier
    from trainer.models.ensemble import build_ensemble
    from trainer.models.start import weights_of
    from trainer.models.table import build_backbone

    backbone = build_backbone("resnet_small", 32, "none")
    features = keras.Input(backbone.output_shape[1:])
    head = add_classifier(keras.Model(features, keras.layers.Identity()(features)))
    whole = build_ensemble([head], backbone) if is_staged else add_classifier(backbone, 1, 0.2)
    build_ensemble([whole], tta=tta).save(tmp_path / "model.keras")
    found = build_backbone("resnet_small", 32, weights_of(str(tmp_path)))
    for own, expected in zip(found.get_weights(), backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)
