"""The options of train and cv; importing them costs nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError
from shared.vocabulary import Part
from trainer.models import MODELS

Tune = Literal["default", "head", "all"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Augment = Literal["none", "light", "strong"]
TargetName = Literal["abnormal", "part_abnormal"]
Balance = Literal["none", "label", "part_label"]


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

    def tunes_head(self, model_name: str) -> bool:
        """Return whether only the head of a model is trained."""
        return self.tune != "all" and MODELS[model_name].is_pretrained

    def check_models(self, key: str, names: Sequence[str]) -> None:
        """Check that models can be trained as the options say.

        Args:
            key: the option that names them.
            names: of the models.

        Raises:
            UsageError: one is not in the table, or has no backbone to freeze, or would be trained
                on embeddings of images that augmentation is asked to change.
        """
        with_backbone = [name for name, entry in MODELS.items() if entry.is_pretrained]
        for name in names:
            if name not in MODELS:
                raise UsageError(
                    f"Expected one of the models {', '.join(MODELS)}. Received: {key}={name}"
                )
            if self.tune == "head" and name not in with_backbone:
                raise UsageError(
                    f"Expected a model with a pretrained backbone ({', '.join(with_backbone)}) "
                    f"where only the head is trained. Received: tune=head {key}={name}"
                )
            if self.augment != "none" and self.tunes_head(name):
                raise UsageError(
                    "Expected augment=none where only the head is trained, for views are embedded "
                    f"once; or tune=all. Received: augment={self.augment} {key}={name}"
                )


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
        self.check_models("model", [self.model])


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
        self.check_models("models", self.candidates)
        if len(set(self.candidates)) < len(self.candidates):
            raise UsageError(f"Expected each model once. Received: models={self.models}")

    @property
    def candidates(self) -> list[str]:
        """The names of the models to compare."""
        return [name.strip() for name in self.models.split(",")]
