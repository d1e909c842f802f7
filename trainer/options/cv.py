"""Cv options: candidates, compared over folds."""

from dataclasses import dataclass
from math import ceil
from typing import Literal, cast, get_args

from shared.cluster.address import Engine, check_cluster
from shared.errors import UsageError
from shared.store import as_path
from trainer.candidates import Candidate, HeadKind
from trainer.options.fit import DEFAULT_MODEL, FitOptions, check_decays


@dataclass(frozen=True)
class CvOptions(FitOptions):
    """Compare CNNs by k-fold cross-validation over patient groups, on the same folds.

    The best by out-of-fold AUROC is refitted on the whole train split and scored once on MURA's
    official valid split. The run folder gets the model, its model card, all predictions, metrics,
    figures and report.html.

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
    cpus: int | None = None
    """Processors that a fit computes with, which its last digits depend on; all of this machine's
    by default, and one beside each GPU of a cluster."""
    engine: Engine = "local"
    """ray fits on the nodes of a Ray cluster."""
    address: str = ""
    """Of the cluster: auto, host:port or ray://host:port; by default one that is started here."""
    gpus: float | None = None
    """With engine=ray: GPUs of a fit, or a share of one; by default devices= if there are any."""
    out: str = ""
    """The run folder to make; a new one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("out", self.out)
        if self.k < 2:
            raise UsageError(f"Expected 2 folds or more. Received: k={self.k}")
        check_cluster(self.engine, self.address)
        if self.cpus is not None and self.cpus < 1:
            raise UsageError(f"Expected 1 processor or more. Received: cpus={self.cpus}")
        if self.gpus is not None and not (self.engine == "ray" and self.gpus > 0):
            raise UsageError(
                "Expected gpus to be above 0, and only with engine=ray. "
                f"Received: gpus={self.gpus:g} engine={self.engine}"
            )
        if self.gpus is not None and ceil(self.gpus) < self.devices:
            raise UsageError(
                "Expected a GPU for each device. "
                f"Received: gpus={self.gpus:g} devices={self.devices}"
            )
        self.check_models("models", self.model_names)
        for kind in (kinds := _split(self.heads)):
            if kind not in get_args(HeadKind):
                raise UsageError(
                    f"Expected one of the heads {', '.join(get_args(HeadKind))}. "
                    f"Received: heads={kind}"
                )
        check_decays("decays", decays := self._decay_numbers)
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
