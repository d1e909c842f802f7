"""Recipes: options given beside them win, and the page of recipes repeats their tables."""

import re
from dataclasses import fields
from typing import Any

import pytest

from shared.errors import UsageError
from tests.commands import PROJECT
from trainer.options import CvOptions, TrainOptions, TuneOptions
from trainer.options.recipes import RECIPES, RecipeName
from trainer.runs import fit_options
from trainer.runs.fit_options import parse_fit

MODEL = "efficientnet_lite0"
HEADS: tuple[RecipeName, ...] = ("quick", "frozen")
ON_IMAGES: tuple[RecipeName, ...] = ("good", "best", "published")
ALL_NAMES = {field.name for kind in (TrainOptions, CvOptions) for field in fields(kind)}


def _train(*words: str) -> TrainOptions:
    return parse_fit(TrainOptions, words, "train")[0]


@pytest.mark.parametrize("name", HEADS)
def test_a_recipe_of_heads_sets_what_is_not_given(name: RecipeName) -> None:
    recipe, options = RECIPES[name], _train(f"recipe={name}")
    found = (options.copies_of(MODEL), options.tta_of(MODEL), options.candidate.weight_decay)
    assert found == (recipe.copies, recipe.tta, recipe.weight_decay)
    candidates = CvOptions(recipe=name).candidates
    assert [candidate.weight_decay for candidate in candidates] == [recipe.weight_decay]
    options = _train(f"recipe={name}", "copies=5", "tta=none", "weight_decay=30")
    assert options.copies_of(MODEL) == 5
    assert options.tta_of(MODEL) == "none"
    assert options.candidate.weight_decay == 30


@pytest.mark.parametrize("name", ON_IMAGES)
def test_a_recipe_of_whole_networks_sets_what_is_not_given(name: RecipeName) -> None:
    recipe = RECIPES[name]
    assert set(recipe.options) <= ALL_NAMES
    options, given = parse_fit(CvOptions, (f"recipe={name}", "epochs=7", "ema=0.5"), "cv")
    assert given == {"recipe", "epochs", "ema"}
    names = {field.name for field in fields(CvOptions)}
    expected = {**recipe.options, "epochs": 7, "ema": 0.5}
    found = {key: getattr(options, key) for key in expected if key in names}
    assert found == {key: value for key, value in expected.items() if key in names}
    (model,) = options.model_names
    assert (options.trained_part(model), options.tta_of(model)) == (recipe.train, recipe.tta)
    assert options.copies_of(model) == recipe.copies
    # a network without pretrained weights has no head to begin with
    assert options.trained_part("cnn4") == "all"


def test_a_staged_recipe_names_the_networks_with_random_weights(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parse_fit(CvOptions, ("recipe=good", f"models=cnn4,{MODEL},resnet_small"), "cv")
    assert capsys.readouterr().err.endswith("more views and epochs: cnn4, resnet_small\n")
    parse_fit(CvOptions, ("recipe=good", f"models={MODEL}"), "cv")
    assert not capsys.readouterr().err


def test_the_trained_part_can_be_given_beside_a_recipe() -> None:
    options = _train("recipe=good", "train=all", "schedule=constant")
    assert (options.trained_part(MODEL), options.optimizer) == ("all", "adamw")
    assert (options.schedule, options.warmup) == ("constant", 0.05)
    with pytest.raises(UsageError, match=r"for train=head\. Received: recipe=good train=head"):
        _train("recipe=good", "train=head")
    assert _train("recipe=best").seeds == 3
    assert _train("recipe=best", "seeds=2").seeds == 2
    with pytest.raises(UsageError, match=r"only with train and cv.*Received: seeds=3"):
        parse_fit(TuneOptions, ("recipe=best",), "tune")
    with pytest.raises(UsageError, match=r"seeds only with train=all.*Received: seeds=2"):
        _train("seeds=2")
    with pytest.raises(UsageError, match=r"last seed.*Received: seed=2147483647 seeds=2$"):
        _train("model=cnn4", "seed=2147483647", "seeds=2")


def test_whole_networks_have_no_recipe_of_heads() -> None:
    options = _train("model=cnn4")
    assert (options.copies_of("cnn4"), options.tta_of("cnn4")) == (1, "none")
    assert options.candidate.weight_decay is None
    assert _train("train=all").tta_of(MODEL) == "none"
    with pytest.raises(UsageError, match="only for a head"):
        _train("model=cnn4", "recipe=frozen")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "good"),
        (("epochs=3", "tta=none"), "good"),
        (("train=all",), "good"),
        (("recipe=quick",), "quick"),
        (("copies=2",), None),
        (("train=head",), None),
        (("model=cnn4", "epochs=3"), None),
    ],
)
def test_a_gpu_decides_where_the_options_leave_it_open(
    words: tuple[str, ...], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # this machine may have none
    monkeypatch.setattr(fit_options, "has_driver", lambda: True)
    monkeypatch.setattr(fit_options, "has_gpu", lambda: True)
    assert _train(*words).recipe == expected
    monkeypatch.setattr(fit_options, "has_gpu", lambda: False)
    if expected == "good" and "epochs=3" in words:
        with pytest.raises(UsageError, match="or recipe=good"):
            _train(*words)
    else:
        assert _train(*words).recipe == (expected if "recipe=quick" in words else None)


def test_tune_searches_what_a_recipe_sets_and_begins_with_it() -> None:
    options, given = parse_fit(TuneOptions, ("recipe=good", "augment=none"), "tune")
    options = options.complete_search(given)
    assert options.searched == ["learning_rate", "dropout", "batch_size", "class_weight"]
    assert options.with_settings({"dropout": 0.1}).optimizer == "adamw"


def _rows(page: str) -> dict[str, list[str]]:
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    return {name: [cell.strip(" `") for cell in cells.split("|")] for name, cells in lines}


def test_the_page_of_recipes_repeats_the_tables() -> None:
    page, images = (
        (PROJECT / "docs" / name).read_text() for name in ("recipes.md", "fine-tuning.md")
    )
    heads, _ = page.split("## Results")
    for name in HEADS:
        recipe, cells = RECIPES[name], _rows(heads)[name]
        assert cells[:3] == [str(recipe.copies), recipe.tta, f"{recipe.weight_decay:g}"]
    assert {*HEADS, *ON_IMAGES} == set(RECIPES)
    table: dict[RecipeName, list[str]] = {name: [] for name in ON_IMAGES}
    for key, cells in _rows(images.split("## Results")[0]).items():
        for name, cell in zip(ON_IMAGES, cells, strict=True):
            table[name].append(f"{key}={cell}")
    for name in ON_IMAGES:
        recipe = RECIPES[name]
        expected: dict[str, Any] = {"train": recipe.train, "tta": recipe.tta, **recipe.options}
        if recipe.train == "staged":
            expected["copies"] = recipe.copies
        expected.pop("models", None)
        given = dict(cell.split("=") for cell in table[name] if not cell.endswith("="))
        assert given == {key: _format(value) for key, value in expected.items()}


def _format(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
