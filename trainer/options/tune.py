"""Options of `tune`: one model and the settings to search."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

from shared.errors import UsageError
from trainer.options.checks import check_minimum, usage_error
from trainer.options.train import TrainOptions

# settings that can be searched
_OF_HEAD = ("weight_decay", "copies", "class_weight")
_OF_ALL = ("learning_rate", "dropout", "batch_size", "augment", "class_weight")


@dataclass(frozen=True)
class TuneOptions(TrainOptions):
    """Search the settings of one CNN, then write the run of the best trial as `just train` does.

    A trial is one fit, scored by its AUROC on the validation views. The first trial uses the
    default settings. Searched by default: weight_decay, copies and class_weight if only the head is
    trained; else learning_rate, dropout, batch_size, augment and class_weight. Settings given on
    the command line are fixed. The valid split is scored once, with the best trial.

    just tune part=humerus

    just tune part=wrist model=resnet_small trials=12 epochs=15 augment=light

    just tune part=elbow search=weight_decay trials=10
    """

    trials: int = 20
    """Number of trials, 1 or more; each is one fit."""
    search: str = ""
    """Settings to search, separated by commas; by default all that are not given as options."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_minimum(self, 1, "trials")
        if self.seeds > 1:
            expected = "seeds=1, because a trial is one fit, and recipe=best only with train and cv"
            raise usage_error(self, expected, "seeds")
        for name in self.searched:
            if name not in self._searchable:
                raise UsageError(
                    f"Expected settings among {', '.join(self._searchable)} for "
                    f"train={self.trained_part(self.model)}. Received: search={self.search}"
                )

    @property
    def searched(self) -> list[str]:
        """The items of `search`."""
        return [name.strip() for name in self.search.split(",")] if self.search else []

    @property
    def _searchable(self) -> tuple[str, ...]:
        return _OF_HEAD if self.trained_part(self.model) == "head" else _OF_ALL

    def complete_search(self, given: Collection[str]) -> "TuneOptions":
        """Return the options with an empty `search` replaced by all settings that are not given.

        Raises:
            UsageError: a setting is both given and searched, or no setting is left to search.
        """
        if both := [name for name in self.searched if name in given]:
            raise UsageError(
                "Expected each setting to be either fixed or searched. "
                f"Received: search={self.search} {both[0]}={getattr(self, both[0])}"
            )
        rest = self.searched or [name for name in self._searchable if name not in given]
        if not rest:
            raise UsageError(
                "Expected at least one setting that is not fixed. "
                f"Received: values for {', '.join(self._searchable)}"
            )
        return replace(self, search=",".join(rest))

    def with_settings(self, settings: dict[str, Any]) -> TrainOptions:
        """Return the options of one fit, with the settings of a trial."""
        values = {field.name: getattr(self, field.name) for field in fields(TrainOptions)}
        return TrainOptions(**values | settings)
