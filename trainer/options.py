"""The options of train and cv; importing them costs nothing heavy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from shared.errors import UsageError
from shared.vocabulary import Part
from trainer.candidates import Candidate, HeadKind, Way
from trainer.models import MODELS

Tune = Literal["default", "head", "all", "staged"]

DEFAULT_MODEL = "efficientnet_lite0"


@dataclass(frozen=True)
class DataOptions:
    """Which views a command is about."""

    part: Part = "all"
    """The body part to train on."""
    lake: str = "lake"
    """The folder of the lake."""


@dataclass(frozen=True)
class FitOptions(DataOptions):
    """What a single fit needs; part of every command that fits a model."""

    epochs: int = 30
    """Epochs at most; training stops early when validation loss no longer falls."""
    patience: int = 10
    """Epochs without a lower validation loss before training stops; the best weights are kept."""
    batch: int = 32
    """Views in a batch."""
    seed: int = 0
    """Seed of splits, shuffles, weights and dropout."""
    reader: Literal["offset", "stream"] = "offset"
    """offset reads views in any order; stream reads shards through TFRecordDataset."""
    tune: Tune = "default"
    """What is trained: `head` what follows a pretrained backbone, `all`, or `staged`: the head,
    then all, at a tenth of the rate; by default `head` of a model that has a backbone."""
    flips: Literal["none", "test"] = "none"
    """test answers with the mean over each view and its mirror image, in the kept model too."""

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"Expected {name} to be 1 or more. Received: {name}={value}")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"Expected a seed of 0 to 2147483647. Received: seed={self.seed}")

    def way(self, model_name: str) -> Way:
        """Return what of a model is trained."""
        if self.tune != "default":
            return self.tune
        return "head" if MODELS[model_name].is_pretrained else "all"

    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the heads that may follow a model's frozen backbone."""
        raise NotImplementedError

    def list_candidates(self, model_name: str) -> list[Candidate]:
        """Return the heads of a model if they alone are trained, or else the model as a whole."""
        if self.way(model_name) == "head":
            return self.list_heads(model_name)
        return [Candidate(model_name)]


@dataclass(frozen=True)
class TrainOptions(FitOptions):
    """Train one CNN on a lake and score it once on MURA's official valid split.

    A fifth of the train split's patient groups is held out for validation, stratified by label and
    part. The run folder gets model, predictions, metrics, figures and report.html.

    just train part=humerus

    just train part=all model=cnn2 epochs=10
    """

    model: str = DEFAULT_MODEL
    """The network; see the README's table of models."""
    head: HeadKind = "linear"
    """What follows a frozen backbone: linear, or with hidden units."""
    decay: float = 1000.0
    """Weight decay of that head: more for fewer views."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_models("model", [self.model], self.tune)
        _check_decays("decay", [self.decay])

    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the one head that may follow a model's frozen backbone."""
        return [Candidate(model_name, self.head, self.decay)]

    @property
    def candidate(self) -> Candidate:
        """What is trained."""
        return self.list_candidates(self.model)[0]


@dataclass(frozen=True)
class CvOptions(FitOptions):
    """Compare CNNs by k-fold cross-validation over patient groups, on the same folds.

    The best by out-of-fold AUROC is refitted on the whole train split and scored once on MURA's
    official valid split. The run folder gets all predictions, metrics, figures and report.html.

    just cv part=elbow

    just cv part=all k=10 models=cnn2,cnn4

    just cv part=wrist heads=linear decays=300,3000 ensemble=folds
    """

    k: int = 5
    """Folds."""
    models: str = DEFAULT_MODEL
    """The models to compare, separated by commas."""
    heads: str = "linear,hidden"
    """The heads to compare on each frozen backbone."""
    decays: str = "30,100,300,1000,3000"
    """The weight decays to compare for each head."""
    ensemble: Literal["none", "folds"] = "none"
    """folds keeps the fold models of the best candidate, which answer by their mean."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 2:
            raise UsageError(f"Expected 2 folds or more. Received: k={self.k}")
        _check_models("models", self.model_names, self.tune)
        for kind in (kinds := _split(self.heads)):
            if kind not in get_args(HeadKind):
                raise UsageError(
                    f"Expected one of the heads {', '.join(get_args(HeadKind))}. "
                    f"Received: heads={kind}"
                )
        _check_decays("decays", decays := self._decay_numbers)
        for name, values in (("model", self.model_names), ("head", kinds), ("decay", decays)):
            if len(set(values)) < len(values):
                received = getattr(self, f"{name}s")
                raise UsageError(f"Expected each {name} once. Received: {name}s={received}")

    @property
    def model_names(self) -> list[str]:
        """The names of the models to compare."""
        return _split(self.models)

    @property
    def candidates(self) -> list[Candidate]:
        """All that is compared."""
        return [c for name in self.model_names for c in self.list_candidates(name)]

    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the heads that are compared on a model's frozen backbone."""
        kinds = cast("list[HeadKind]", _split(self.heads))
        return [
            Candidate(model_name, kind, decay) for kind in kinds for decay in self._decay_numbers
        ]

    @property
    def _decay_numbers(self) -> list[float]:
        try:
            return [float(word) for word in _split(self.decays)]
        except ValueError:
            raise UsageError(f"Expected numbers. Received: decays={self.decays}") from None


def _split(words: str) -> list[str]:
    return [word.strip() for word in words.split(",")]


def _check_decays(key: str, decays: Sequence[float]) -> None:
    for decay in decays:
        if not 0 < decay < math.inf:
            raise UsageError(f"Expected a decay above 0. Received: {key}={decay:g}")


def _check_models(key: str, names: Sequence[str], tune: Tune) -> None:
    with_backbone = [name for name, entry in MODELS.items() if entry.is_pretrained]
    for name in names:
        if name not in MODELS:
            raise UsageError(
                f"Expected one of the models {', '.join(MODELS)}. Received: {key}={name}"
            )
        if tune in ("head", "staged") and name not in with_backbone:
            raise UsageError(
                f"Expected a model with a pretrained backbone ({', '.join(with_backbone)}) where "
                f"the head is trained alone. Received: tune={tune} {key}={name}"
            )
