"""Train options: one model."""

from dataclasses import dataclass

from shared.storage.store import as_path
from trainer.models.candidates import Candidate, HeadKind
from trainer.options.fit import FitOptions, check_weight_decays
from trainer.options.model import DEFAULT_MODEL


@dataclass(frozen=True)
class TrainOptions(FitOptions):
    """Train one CNN on a lake and score it once on MURA's official valid split.

    A fifth of the train split's patient groups is held out for validation, stratified by label and
    part. The run folder gets model, model card, predictions, metrics, figures and report.html.

    just train part=humerus

    just train part=all model=cnn2 epochs=10
    """

    model: str = DEFAULT_MODEL
    """The network; docs/training.md has a table of them."""
    head: HeadKind = "linear"
    """What follows a frozen backbone: one layer, or hidden units as well."""
    weight_decay: float = 1000.0
    """The weight decay of that head, above 0; larger for fewer views."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("out", self.out)
        self.check_models("model", [self.model])
        check_weight_decays("weight_decay", [self.weight_decay])

    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the one head that may follow a model's frozen backbone."""
        return [Candidate(model_name, self.head, self.weight_decay)]

    @property
    def candidate(self) -> Candidate:
        """What is trained."""
        return self.list_candidates(self.model)[0]
