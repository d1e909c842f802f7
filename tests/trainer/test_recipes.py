"""Recipes: options given beside them win, and the page of recipes repeats their tables."""

import re

from tests.commands import PROJECT
from trainer.options import CvOptions, TrainOptions
from trainer.options.recipes import RECIPES

MODEL = "efficientnet_lite0"


def test_a_recipe_sets_what_is_not_given() -> None:
    for name, recipe in RECIPES.items():
        options = TrainOptions(recipe=name)
        found = (options.copies_of(MODEL), options.tta_of(MODEL), options.candidate.weight_decay)
        assert found == (recipe.copies, recipe.tta, recipe.weight_decay)
        candidates = CvOptions(recipe=name).candidates
        assert [candidate.weight_decay for candidate in candidates] == [recipe.weight_decay]
    options = TrainOptions(recipe="quick", copies=5, tta="none", weight_decay=30)
    assert options.copies_of(MODEL) == 5
    assert options.tta_of(MODEL) == "none"
    assert options.candidate.weight_decay == 30


def test_whole_networks_have_no_recipe() -> None:
    options = TrainOptions(model="cnn4")
    assert (options.copies_of("cnn4"), options.tta_of("cnn4")) == (1, "none")
    assert options.candidate.weight_decay is None
    assert TrainOptions(train="all").tta_of(MODEL) == "none"


def test_the_page_of_recipes_repeats_the_table() -> None:
    page = (PROJECT / "docs" / "recipes.md").read_text()
    for name, recipe in RECIPES.items():
        assert recipe.command in page
        (row,) = re.findall(rf"^\| `{name}` \| .*$", page.split("## Results")[0], re.MULTILINE)
        cells = [cell.strip(" `") for cell in row.strip("|").split("|")]
        expected = [name, str(recipe.copies), recipe.tta, f"{recipe.weight_decay:g}"]
        assert cells[:4] == expected
        assert cells[5] in recipe.duration
        (score,) = re.findall(r"\d\.\d+", recipe.score)
        assert f"| `{name}` | {score} " in page
