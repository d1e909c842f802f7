"""Options of a fit from a command line, with the values of a recipe for those not given."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TypeVar

from shared.command_line import given_keys, parse
from shared.console import note
from shared.errors import UsageError
from trainer.models.table import MODELS
from trainer.options import FitOptions
from trainer.options.recipes import RECIPES
from trainer.runs.gpus import has_driver, has_gpu

AnyOptions = TypeVar("AnyOptions", bound=FitOptions)

# options that select the training of a head, or the recipe itself
_FOR_HEADS = {"recipe", "copies", "weight_decay", "weight_decays"}
_ON_A_GPU = "recipe=good"


def parse_fit(
    options_type: type[AnyOptions], words: Sequence[str], prog: str
) -> tuple[AnyOptions, frozenset[str]]:
    """Parse the options of a fit, and set those that are not given to the values of the recipe.

    Without `recipe=`, the recipe is `good` if TensorFlow sees a GPU and a model has pretrained
    weights.

    Returns:
        The options, and the names of the given ones.

    Raises:
        UsageError: an option is unknown, has no effect, or has a value that is not allowed.
        SystemExit: status 0, after `--help` was printed.
    """
    options = _parse_for_gpu(options_type, words, prog) or parse(options_type, words, prog)
    given = given_keys(options_type, words)
    if options.recipe is None:
        return options, given
    recipe, names = RECIPES[options.recipe], {field.name for field in fields(options_type)}
    random = [name for name in options.model_names if not _is_pretrained(options, name)]
    if recipe.train == "staged" and random:
        note(
            f"recipe={options.recipe} is for pretrained networks; with random weights, which need "
            f"more views and epochs: {', '.join(random)}"
        )
    values = {name: value for name, value in recipe.options.items() if name in names - given}
    return replace(options, **values), given


def _parse_for_gpu(
    options_type: type[AnyOptions], words: Sequence[str], prog: str
) -> AnyOptions | None:
    # the import of TensorFlow takes seconds, so only if the recipe depends on a GPU
    if given_keys(options_type, words) & _FOR_HEADS or not has_driver():
        return None
    try:
        options = parse(options_type, [*words, _ON_A_GPU], prog)
    except UsageError:
        # the options are those of a head, or wrong with any recipe
        return None
    is_pretrained = any(_is_pretrained(options, name) for name in options.model_names)
    return options if is_pretrained and has_gpu() else None


def _is_pretrained(options: FitOptions, model_name: str) -> bool:
    return MODELS[model_name].pretrained_for(options.initial_weights) is not None
