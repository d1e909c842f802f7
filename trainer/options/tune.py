"""Tune options: one model, and which of its settings are searched."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

from shared.errors import UsageError
from trainer.options.train import TrainOptions

SETTINGS_OF_HEAD = ("head", "weight_decay", "class_weight")
"""What can be searched where only the head is trained."""
SETTINGS_OF_ALL = ("learning_rate", "dropout", "batch_size", "augment", "class_weight")
"""What can be searched where all of a model is trained."""


@dataclass(frozen=True)
class TuneOptions(TrainOptions):
    """Search the settings of one CNN, and end with the best as `just train` does.

    A trial is one fit, stopped early on the validation views and judged by their AUROC; the first
    has the usual settings. Which are searched: head, decay and balance where only the head is
    trained; rate, dropout, batch, augment and balance where all is. What is given is not searched.
    The official valid split is scored once, with the best trial.

    just tune part=humerus

    just tune part=wrist model=resnet_small trials=12 epochs=15 augment=light

    just tune part=elbow search=weight_decay trials=10
    """

    trials: int = 20
    """Trials."""
    search: str = ""
    """The settings to search, separated by commas; all that are not given unless told otherwise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trials < 1:
            raise UsageError(f"Expected 1 trial or more. Received: trials={self.trials}")
        for name in self.searched:
            if name not in self._searchable:
                raise UsageError(
                    f"Expected some of the settings {', '.join(self._searchable)}, where what is "
                    f"trained is {self.trained_part(self.model)}. Received: search={self.search}"
                )

    @property
    def searched(self) -> list[str]:
        """The names of the settings to search."""
        return [name.strip() for name in self.search.split(",")] if self.search else []

    @property
    def _searchable(self) -> tuple[str, ...]:
        return SETTINGS_OF_HEAD if self.trained_part(self.model) == "head" else SETTINGS_OF_ALL

    def search_rest(self, given: Collection[str]) -> "TuneOptions":
        """Return the options with all settings in `search` that are not given, if it names none.

        Args:
            given: the keys of all options that were given.

        Raises:
            UsageError: a setting is both given and to be searched, or none is left to search.
        """
        if both := [name for name in self.searched if name in given]:
            raise UsageError(
                f"Expected settings that are either given or searched. Received: search="
                f"{self.search} {both[0]}={getattr(self, both[0])}"
            )
        rest = self.searched or [name for name in self._searchable if name not in given]
        if not rest:
            raise UsageError(
                "Expected a setting left to search. Received: all given, "
                f"{', '.join(self._searchable)}"
            )
        return replace(self, search=",".join(rest))

    def settle(self, settings: dict[str, Any]) -> TrainOptions:
        """Return the options of one fit, with what a trial puts in place of theirs."""
        own = {field.name: getattr(self, field.name) for field in fields(TrainOptions)}
        return TrainOptions(**own | settings)
