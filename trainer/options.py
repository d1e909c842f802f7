"""The options of train and cv; importing them costs nothing heavy."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from shared.errors import UsageError
from shared.vocabulary import Part
from trainer.candidates import Candidate, HeadKind, Way
from trainer.models import MODELS

Tune = Literal["default", "head", "all", "staged"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Augment = Literal["none", "light", "strong"]
TargetName = Literal["abnormal", "part_abnormal"]
Balance = Literal["none", "label", "part_label"]

DEFAULT_MODEL = "efficientnet_lite0"


@dataclass(frozen=True)
class DataOptions:
    """Which views a command is about."""

    part: Part = "all"
    """The body part to train on."""
    lake: str = "lake"
    """The folder of the lake."""


@dataclass(frozen=True)
class FitOptions(DataOptions, ABC):
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
    """What is trained: `head` only what follows a pretrained backbone, `all`, or `staged`: the
    head, then all of it at a tenth of the rate; by default `head` of a model with a backbone."""
    weights: str = "pretrained"
    """What a pretrained backbone starts from: `pretrained`, its own weights; `none`, random ones;
    or a file of weights of the same network."""
    flips: Literal["none", "test"] = "none"
    """test answers with the mean over each view and its mirror image, in the kept model too."""
    augment: Augment = "none"
    """How train views are changed, anew in each epoch: `light` turns by up to 30 degrees and
    mirrors; `strong` also shifts, zooms, changes contrast, adds noise, fills small rectangles."""
    target: TargetName = "abnormal"
    """What is told of a view: whether it is abnormal, or body part and label at once."""
    balance: Balance = "none"
    """Weigh views so that each label, or each label of each body part, weighs the same."""
    precision: Precision = "float32"
    """What layers compute in; weights and probabilities are float32 in any case."""
    xla: Literal["off", "on"] = "off"
    """Whether steps of training are compiled by XLA."""
    devices: int = 1
    """GPUs of this host that a batch is divided over; parts of its processor where it has none."""

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch", "devices"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"Expected {name} to be 1 or more. Received: {name}={value}")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"Expected a seed of 0 to 2147483647. Received: seed={self.seed}")
        if self.target == "part_abnormal" and self.part != "all":
            raise UsageError(
                "Expected part=all where body parts are told apart. "
                f"Received: target={self.target} part={self.part}"
            )

    def way(self, model_name: str) -> Way:
        """Return what of a model is trained."""
        if self.tune != "default":
            return self.tune
        return "head" if MODELS[model_name].starts_at(self.weights) else "all"

    @abstractmethod
    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the heads that may follow a model's frozen backbone."""

    def list_candidates(self, model_name: str) -> list[Candidate]:
        """Return the heads of a model if they alone are trained, or else the model as a whole."""
        if self.way(model_name) == "head":
            return self.list_heads(model_name)
        return [Candidate(model_name)]

    def check_models(self, key: str, names: Sequence[str]) -> None:
        """Check that models can be trained as the options say.

        Args:
            key: the option that names them.
            names: of the models.

        Raises:
            UsageError: one is not in the table, or has no backbone to freeze, or would be trained
                on embeddings of images that augmentation is asked to change.
        """
        with_backbone = [name for name, entry in MODELS.items() if entry.pretrained]
        backbones = f"a pretrained backbone ({', '.join(with_backbone)})"
        for name in names:
            if name not in MODELS:
                raise UsageError(
                    f"Expected one of the models {', '.join(MODELS)}. Received: {key}={name}"
                )
            if self.tune in ("head", "staged") and not MODELS[name].starts_at(self.weights):
                raise UsageError(
                    f"Expected a model with {backbones} where the head is trained alone. "
                    f"Received: tune={self.tune} weights={self.weights} {key}={name}"
                )
            if self.augment != "none" and self.way(name) == "head":
                raise UsageError(
                    "Expected augment=none where only the head is trained, for views are embedded "
                    f"once; or tune=all. Received: augment={self.augment} {key}={name}"
                )
        is_file = self.weights not in ("pretrained", "none")
        if is_file and not (len(names) == 1 and MODELS[names[0]].pretrained):
            raise UsageError(
                f"Expected one model with {backbones} for a file of weights. "
                f"Received: weights={self.weights} {key}={','.join(names)}"
            )


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
    """What follows a frozen backbone: one layer, or hidden units as well."""
    decay: float = 1000.0
    """Weight decay of that head: more for fewer views."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_models("model", [self.model])
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
    """folds keeps the fold models of the best candidate, which answer by their mean; no refit."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 2:
            raise UsageError(f"Expected 2 folds or more. Received: k={self.k}")
        self.check_models("models", self.model_names)
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
