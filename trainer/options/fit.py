"""Fit options: what every command that fits a model can be asked for."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.bucket import Bucket
from shared.errors import UsageError
from shared.store import as_path, as_store
from shared.vocabulary import Part
from trainer.candidates import Candidate, Way
from trainer.models import MODELS

Tune = Literal["default", "head", "all", "staged"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Augment = Literal["none", "light", "strong"]
TargetName = Literal["abnormal", "part_abnormal"]
Balance = Literal["none", "label", "part_label"]
Reader = Literal["default", "offset", "stream"]
Images = Literal["on", "off"]

_CACHE_GB = 50.0

DEFAULT_MODEL = "efficientnet_lite0"


@dataclass(frozen=True)
class DataOptions:
    """Which views a command is about."""

    part: Part = "all"
    """The body part to train on."""
    lake: str = "lake"
    """The folder of the lake, or s3://bucket/path."""
    cache: str = ""
    """A folder to keep shards of an object store in, shared by runs; none by default."""
    cache_gb: float = _CACHE_GB
    """Gigabytes in that folder at most; what was used longest ago goes first."""

    def __post_init__(self) -> None:
        is_remote = isinstance(as_store(self.lake), Bucket)
        as_path("cache", self.cache)
        if self.cache and not is_remote:
            raise UsageError(
                f"Expected cache only with a lake in an object store. "
                f"Received: cache={self.cache} lake={self.lake}"
            )
        if not self.cache_gb > 0:
            raise UsageError(f"Expected cache_gb above 0. Received: cache_gb={self.cache_gb:g}")
        if self.cache_gb != _CACHE_GB and not self.cache:
            raise UsageError(
                f"Expected cache_gb only with cache. Received: cache_gb={self.cache_gb:g}"
            )


@dataclass(frozen=True)
class FitOptions(DataOptions, ABC):
    """What a single fit needs; part of every command that fits a model."""

    epochs: int = 30
    """Epochs at most; training stops early when validation loss no longer falls."""
    patience: int = 10
    """Epochs without a lower validation loss before training stops; the best weights are kept."""
    batch: int = 32
    """Views in a batch."""
    rate: float | None = None
    """Adam's learning rate where all of a model is trained; by default the model's own."""
    dropout: float | None = None
    """The share of features that its last layer does not see in a step; by default its own."""
    seed: int = 0
    """Seed of splits, shuffles, weights and dropout."""
    reader: Reader = "default"
    """offset reads views in any order; stream reads shards through TFRecordDataset, which is the
    default for s3:// without cache."""
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
    images: Images = "on"
    """Whether the report shows radiographs, and so is as private as they are; `off` leaves them and
    their heat maps out, and trains the same."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("weights", self.weights)
        for name in ("epochs", "patience", "batch", "devices"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"Expected {name} to be 1 or more. Received: {name}={value}")
        if self.rate is not None and not 0 < self.rate < math.inf:
            raise UsageError(f"Expected a rate above 0. Received: rate={self.rate:g}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise UsageError(
                f"Expected a dropout of 0 to below 1. Received: dropout={self.dropout:g}"
            )
        store = as_store(self.lake)
        if self.reader == "stream" and isinstance(store, Bucket) and store.scheme != "s3":
            raise UsageError(
                "Expected reader=offset where the lake is in no folder and not in S3. "
                f"Received: reader={self.reader} lake={self.lake}"
            )
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"Expected a seed of 0 to 2147483647. Received: seed={self.seed}")
        if self.target == "part_abnormal" and self.part != "all":
            raise UsageError(
                "Expected part=all where body parts are told apart. "
                f"Received: target={self.target} part={self.part}"
            )

    @property
    def way_of_reading(self) -> Literal["offset", "stream"]:
        """How train views are read."""
        if self.reader != "default":
            return self.reader
        store = as_store(self.lake)
        streams = isinstance(store, Bucket) and store.scheme == "s3" and not self.cache
        return "stream" if streams else "offset"

    def way(self, model_name: str) -> Way:
        """Return what of a model is trained."""
        if self.tune != "default":
            return self.tune
        return "head" if MODELS[model_name].starts_at(self.weights) else "all"

    def learning_rate(self, model_name: str) -> float:
        """Return Adam's learning rate where all of a model is trained."""
        entry = MODELS[model_name]
        return self.rate or (entry.starts_at(self.weights) or entry).learning_rate

    def last_dropout(self, model_name: str) -> float:
        """Return the share of features that the last layer does not see in a step."""
        return MODELS[model_name].dropout if self.dropout is None else self.dropout

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
                on embeddings of images that augmentation is asked to change; or is given what only
                counts where all is trained.
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
            for key_of_all in ("rate", "dropout"):
                value = getattr(self, key_of_all)
                if value is not None and self.way(name) == "head":
                    raise UsageError(
                        f"Expected no {key_of_all} where only the head is trained, which decay= "
                        f"holds back; or tune=all. Received: {key_of_all}={value:g} {key}={name}"
                    )
        is_file = self.weights not in ("pretrained", "none")
        if is_file and not (len(names) == 1 and MODELS[names[0]].pretrained):
            raise UsageError(
                f"Expected one model with {backbones} for a file of weights. "
                f"Received: weights={self.weights} {key}={','.join(names)}"
            )


def check_decays(key: str, decays: Sequence[float]) -> None:
    """Check the weight decays that an option names.

    Raises:
        UsageError: one is not above 0.
    """
    for decay in decays:
        if not 0 < decay < math.inf:
            raise UsageError(f"Expected a decay above 0. Received: {key}={decay:g}")
