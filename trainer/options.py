"""The options of train and cv; importing them costs nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError
from shared.vocabulary import Part
from trainer.models import MODELS

Tune = Literal["default", "head", "all"]


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
    """What is trained: `head` only what follows a pretrained backbone, or `all`; by default `head`
    of a model that has a backbone."""
    weights: str = "pretrained"
    """What a pretrained backbone starts from: `pretrained`, its own weights; `none`, random ones;
    or a file of weights of the same network."""

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"Expected {name} to be 1 or more. Received: {name}={value}")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"Expected a seed of 0 to 2147483647. Received: seed={self.seed}")

    def tunes_head(self, model_name: str) -> bool:
        """Return whether only the head of a model is trained."""
        return self.tune != "all" and MODELS[model_name].starts_at(self.weights) is not None


@dataclass(frozen=True)
class TrainOptions(FitOptions):
    """Train one CNN on a lake and score it once on MURA's official valid split.

    A fifth of the train split's patient groups is held out for validation, stratified by label and
    part. The run folder gets model, predictions, metrics, figures and report.html.

    just train part=humerus

    just train part=all model=cnn2 epochs=10
    """

    model: str = "cnn4"
    """The network; see the README's table of models."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_models("model", [self.model], self)


@dataclass(frozen=True)
class CvOptions(FitOptions):
    """Compare CNNs by k-fold cross-validation over patient groups, on the same folds.

    The best by out-of-fold AUROC is refitted on the whole train split and scored once on MURA's
    official valid split. The run folder gets all predictions, metrics, figures and report.html.

    just cv part=elbow

    just cv part=all k=10 models=cnn2,cnn4
    """

    k: int = 5
    """Folds."""
    models: str = "cnn2,cnn4"
    """The candidates, separated by commas."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 2:
            raise UsageError(f"Expected 2 folds or more. Received: k={self.k}")
        _check_models("models", self.candidates, self)
        if len(set(self.candidates)) < len(self.candidates):
            raise UsageError(f"Expected each model once. Received: models={self.models}")

    @property
    def candidates(self) -> list[str]:
        """The names of the models to compare."""
        return [name.strip() for name in self.models.split(",")]


def _check_models(key: str, names: Sequence[str], options: FitOptions) -> None:
    for name in names:
        if name not in MODELS:
            raise UsageError(
                f"Expected one of the models {', '.join(MODELS)}. Received: {key}={name}"
            )
        if options.tune == "head" and not MODELS[name].starts_at(options.weights):
            raise UsageError(
                f"Expected a model with a pretrained backbone ({', '.join(_with_backbone())}) "
                f"where only the head is trained. Received: tune=head weights={options.weights} "
                f"{key}={name}"
            )
    is_file = options.weights not in ("pretrained", "none")
    if is_file and not (len(names) == 1 and MODELS[names[0]].pretrained):
        raise UsageError(
            f"Expected one model with a pretrained backbone ({', '.join(_with_backbone())}) for a "
            f"file of weights. Received: weights={options.weights} {key}={','.join(names)}"
        )


def _with_backbone() -> list[str]:
    return [name for name, entry in MODELS.items() if entry.pretrained]
