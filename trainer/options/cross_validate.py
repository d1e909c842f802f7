"""Options of `cv`: the candidates to compare and the folds."""

from dataclasses import dataclass
from math import ceil, inf
from typing import Literal

from shared.cluster.address import Engine, check_cluster
from shared.errors import UsageError
from shared.storage.store import as_path
from trainer.models.candidates import Candidate, list_networks
from trainer.options.checks import check_minimum, usage_error
from trainer.options.fit import FitOptions
from trainer.options.model import DEFAULT_MODEL


@dataclass(frozen=True)
class CvOptions(FitOptions):
    """Compare CNNs by k-fold cross-validation over patient groups, all on the same folds.

    The candidate with the highest out-of-fold view AUROC is refitted on the whole train split and
    scored once on the valid split. The run folder holds the model, its model card, all
    predictions, metrics, figures and report.html.

    just cv part=elbow

    just cv part=all k=10 models=cnn2,cnn4

    just cv part=wrist weight_decays=100,300 ensemble=folds
    """

    k: int = 5
    """Number of folds, 2 or more."""
    models: str = DEFAULT_MODEL
    """Models to compare, separated by commas; docs/training.md has a table of models. `a+b` is a
    head on the features of several frozen backbones side by side."""
    weight_decays: str = ""
    """Weight decays to compare for the head on each frozen backbone, above 0, separated by commas;
    by default that of recipe=."""
    ensemble: Literal["none", "folds"] = "none"
    """Saved model: `none`, the best candidate, refitted on the train split; `folds`, the mean of
    its fold models."""
    cpus: int | None = None
    """Number of CPU threads of a fit, 1 or more; the last digits of results depend on it. By
    default all of this machine, or one for each GPU of a cluster."""
    engine: Engine = "local"
    """`local` trains on this machine, `ray` on the nodes of a Ray cluster."""
    address: str = ""
    """Ray cluster: auto, host:port or ray://host:port; by default, Ray starts on this machine."""
    gpus: float | None = None
    """With engine=ray: number of GPUs of a fit, above 0, also a fraction; by default that of
    devices=, or 0 in a cluster without GPUs."""
    out: str = ""
    """Run folder to create; by default a new one in runs/."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("out", self.out)
        check_minimum(self, 2, "k")
        check_cluster(self.engine, self.address)
        check_minimum(self, 1, "cpus")
        if self.gpus is not None and not (self.engine == "ray" and self.gpus > 0):
            raise usage_error(
                self, "gpus to be above 0, and only with engine=ray", "gpus", "engine"
            )
        if self.gpus is not None and ceil(self.gpus) < self.devices:
            raise usage_error(self, "a GPU for each device", "gpus", "devices")
        self.check_models("models")
        decays = self._weight_decays
        for decay in decays:
            if not 0 < decay < inf:
                received = f"weight_decays={decay:g}"
                raise UsageError(f"Expected a weight decay above 0. Received: {received}")
        for name, values in (
            # `a+b` and `b+a` are the same model
            ("model", [frozenset(list_networks(name)) for name in self.model_names]),
            ("weight_decay", decays),
        ):
            if len(set(values)) < len(values):
                raise usage_error(self, f"each {name} once", f"{name}s")

    @property
    def model_names(self) -> list[str]:
        """The items of `models`."""
        return _split(self.models)

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates to compare: models, or heads on a model's frozen backbone."""
        return [c for name in self.model_names for c in self.list_candidates(name)]

    def list_heads(self, model_name: str) -> list[Candidate]:
        """Return the heads to compare on a model's frozen backbone."""
        return [Candidate(model_name, decay) for decay in self._weight_decays]

    @property
    def _weight_decays(self) -> list[float]:
        if not self.weight_decays:
            return [self.used_recipe.weight_decay]
        try:
            return [float(item) for item in _split(self.weight_decays)]
        except ValueError:
            expected = "numbers separated by commas"
            raise usage_error(self, expected, "weight_decays") from None


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]
