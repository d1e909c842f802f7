"""Options of the model: its trained part, initial weights and outputs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError
from shared.storage.store import as_path
from trainer.models.candidates import Candidate, TrainedPart, list_networks
from trainer.models.networks.backbone import DEFAULT_INPUT_PX
from trainer.models.start import weights_of
from trainer.models.table import MODELS
from trainer.options.checks import check_range, usage_error
from trainer.options.data import Task
from trainer.options.recipes import RECIPES, Recipe, RecipeName, Tta

DEFAULT_MODEL = "efficientnet_lite0"
# more would take hours to embed; 8 were no better than 4
_MAX_COPIES = 64
_WITH_WEIGHTS = ", ".join(name for name, entry in MODELS.items() if entry.pretrained)
_BACKBONES = f"a pretrained backbone ({_WITH_WEIGHTS})"


@dataclass(frozen=True)
class ModelOptions(ABC):
    """The model, its weights and its classes."""

    train: Literal["auto", "head", "all", "staged"] = "auto"
    """Layers to train: `head`, the classifier on a frozen backbone; `all`; `staged`, the head, then
    all at a tenth of the learning rate; `auto`, those of recipe= for a pretrained backbone, else
    all."""
    weights: str = "pretrained"
    """Initial weights of the backbone: `pretrained`, `none` (random), or the path of a file."""
    start: str = ""
    """Folder of a finished run of the same model with train=all or staged: its weights, without its
    head, are the initial ones, in place of weights=. Its validation patients are held out again."""
    dropout: float | None = None
    """Dropout rate before the last layer, 0 or more and below 1; by default 0.2, or 0.5 for
    cnn2."""
    task: Task = "abnormal"
    """Classes: `abnormal`, normal and abnormal; `part_abnormal`, these two for each body part."""
    input_px: int = DEFAULT_INPUT_PX
    """Largest input side of the network in pixels, 32 to 2048; larger images are reduced to it. A
    CPU takes two and a half times as long for 512 px as for 320 px."""
    recipe: RecipeName | None = None
    """Values of the options that are not given, in docs/recipes.md: `quick` and `frozen` train a
    head; `good` trains the head, then all layers; `best` also averages the models of three seeds,
    or of the folds of cv; `published` follows the paper of MURA. By default `good` for a pretrained
    backbone on a GPU, else `frozen`."""
    copies: int | None = None
    """Variants of each train view that a head is fitted to: 1, the view; 2, also its mirror image;
    more, also random changes: rotation, zoom, shift, grey levels. Each has the weight 1/copies."""
    tta: Tta | None = None
    """Test-time augmentation: `flip` averages the predictions of a view and its mirror image;
    by default that of recipe= for heads, else `none`."""

    def __post_init__(self) -> None:
        as_path("weights", self.weights)
        as_path("start", self.start)
        if self.start and self.weights != "pretrained":
            raise usage_error(self, "either start or weights", "start", "weights")
        check_range(self, "at least 0 and below 1", lambda rate: 0 <= rate < 1, "dropout")
        sides = f"32 to {DEFAULT_INPUT_PX}"
        check_range(self, sides, lambda side: 32 <= side <= DEFAULT_INPUT_PX, "input_px")
        check_range(self, f"1 to {_MAX_COPIES}", lambda num: 1 <= num <= _MAX_COPIES, "copies")
        if self.train == "head" and self.used_recipe.train != "head":
            expected = "recipe=quick or recipe=frozen for train=head"
            raise usage_error(self, expected, "recipe", "train")

    @property
    def initial_weights(self) -> str:
        """The value of `weights`, or the one that stands for the model of `start`."""
        return weights_of(self.start) if self.start else self.weights

    def trained_part(self, model_name: str) -> TrainedPart:
        """Return the trained part of a model."""
        if self.train != "auto":
            return self.train
        networks = list_networks(model_name)
        is_pretrained = all(MODELS[name].pretrained_for(self.initial_weights) for name in networks)
        return self.used_recipe.train if is_pretrained else "all"

    @property
    def used_recipe(self) -> Recipe:
        """The recipe for the options of a head that are not given."""
        return RECIPES[self.recipe or "frozen"]

    def dropout_of(self, model_name: str) -> float:
        """Return the dropout rate before the last layer of a model."""
        return MODELS[model_name].dropout if self.dropout is None else self.dropout

    def tta_of(self, model_name: str) -> Tta:
        """Return the test-time augmentation of a model."""
        is_head = self.trained_part(model_name) == "head"
        return self.tta or (self.used_recipe.tta if is_head or self.recipe else "none")

    def copies_of(self, model_name: str) -> int:
        """Return the number of rows of a train view in the fit of a head, also of a staged fit."""
        has_head = self.trained_part(model_name) != "all"
        return self.copies or (self.used_recipe.copies if has_head else 1)

    @property
    @abstractmethod
    def model_names(self) -> list[str]:
        """The models to train."""

    @abstractmethod
    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the candidate heads on a model's frozen backbone."""

    def list_candidates(self, model_name: str) -> list[Candidate]:
        """Return the heads of a model if only the head is trained, else the whole model."""
        if self.trained_part(model_name) == "head":
            return self.list_heads(model_name)
        return [Candidate(model_name)]

    def check_models(self, key: str) -> None:
        """Raise UsageError for a model of the option `key` that the other options do not suit."""
        for name in self.model_names:
            self._check_networks(key, name)
        networks = [network for name in self.model_names for network in list_networks(name)]
        if self.start and len(networks) > 1:
            raise usage_error(self, "one model with start", "start", key)
        is_file = self.weights not in ("pretrained", "none")
        if is_file and not (len(networks) == 1 and MODELS[networks[0]].pretrained):
            expected = f"one model with {_BACKBONES} for a file of weights"
            raise usage_error(self, expected, "weights", key)

    def _check_networks(self, key: str, model_name: str) -> None:
        networks = list_networks(model_name)
        for network in networks:
            if network not in MODELS:
                raise UsageError(
                    f"Expected one of the models {', '.join(MODELS)}, or several with a pretrained "
                    f"backbone, joined by +. Received: {key}={model_name}"
                )
            has_weights = MODELS[network].pretrained_for(self.initial_weights)
            if self.train in ("head", "staged") and not has_weights:
                raise UsageError(
                    f"Expected a model with {_BACKBONES} for train={self.train}. "
                    f"Received: train={self.train} weights={self.weights} {key}={model_name}"
                )
        if len(set(networks)) < len(networks):
            raise UsageError(f"Expected each network of a model once. Received: {key}={model_name}")
        if len(networks) > 1 and (part := self.trained_part(model_name)) != "head":
            raise UsageError(
                "Expected train=head, with recipe=quick or recipe=frozen and pretrained weights, "
                f"for several networks side by side. Received: train={part} {key}={model_name}"
            )
