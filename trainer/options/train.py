"""Options of `train`: one model and its head."""

from dataclasses import dataclass
from math import inf

from shared.storage.store import as_path
from trainer.models.candidates import Candidate
from trainer.options.checks import check_minimum, check_range, usage_error
from trainer.options.fit import FitOptions
from trainer.options.model import DEFAULT_MODEL


@dataclass(frozen=True)
class TrainOptions(FitOptions):
    """Train one CNN on a lake and score it once on the valid split.

    A fifth of the train split's patient groups is held out for validation, stratified by label and
    body part. A head on a frozen backbone is then fitted again to all train views. The run folder
    holds the model, its model card, predictions, metrics, figures and report.html.

    just train part=humerus

    just train part=all model=cnn2 epochs=10
    """

    model: str = DEFAULT_MODEL
    """Model to train; docs/training.md has a table of models. `a+b` trains a head on the features
    of several frozen backbones side by side."""
    seeds: int = 1
    """Number of fits of a network on images, 1 or more, with the seeds seed=, seed + 1, ... on the
    same sets; the saved model predicts their mean probability."""
    weight_decay: float | None = None
    """Weight decay of the head on a frozen backbone, above 0; by default that of recipe=."""
    out: str = ""
    """Run folder to create; by default a new one in runs/."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("out", self.out)
        self.check_models("model")
        check_range(self, "above 0", lambda decay: 0 < decay < inf, "weight_decay")
        check_minimum(self, 1, "seeds")
        if self.seed + self.seeds > 2**31:
            expected = "the last seed, seed + seeds - 1, to be at most 2147483647"
            raise usage_error(self, expected, "seed", "seeds")
        if self.seeds > 1 and self.trained_part(self.model) == "head":
            needed = "seeds only with train=all, train=staged or recipe=good"
            raise usage_error(self, f"{needed}: a head has no random weights", "seeds", "model")

    @property
    def model_names(self) -> list[str]:
        """The one model."""
        return [self.model]

    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the one head on a model's frozen backbone."""
        given = self.weight_decay
        decay = self.used_recipe.weight_decay if given is None else given
        return [Candidate(model_name, decay)]

    @property
    def candidate(self) -> Candidate:
        """The model, or the head on its frozen backbone, to train."""
        return self.list_candidates(self.model)[0]
