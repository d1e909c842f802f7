"""Train options: one model."""

from dataclasses import dataclass

from shared.store import as_path
from trainer.candidates import Candidate, HeadKind
from trainer.options.fit import DEFAULT_MODEL, FitOptions, check_decays


@dataclass(frozen=True)
class TrainOptions(FitOptions):
    """Train one CNN on a lake and score it once on MURA's official valid split.

    A fifth of the train split's patient groups is held out for validation, stratified by label and
    part. The run folder gets model, model card, predictions, metrics, figures and report.html.

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
        as_path("out", self.out)
        self.check_models("model", [self.model])
        check_decays("decay", [self.decay])

    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the one head that may follow a model's frozen backbone."""
        return [Candidate(model_name, self.head, self.decay)]

    @property
    def candidate(self) -> Candidate:
        """What is trained."""
        return self.list_candidates(self.model)[0]
