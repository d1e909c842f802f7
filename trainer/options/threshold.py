"""The value of `threshold=`: the rule that sets the decision threshold."""

from dataclasses import dataclass
from typing import Literal, cast

from shared.errors import UsageError

ThresholdKind = Literal["auto", "given", "youden", "sensitivity", "specificity", "cost"]

_WITH_VALUE: tuple[ThresholdKind, ...] = ("sensitivity", "specificity", "cost")
_ALLOWED = (
    "auto, youden, a number above 0 and below 1, sensitivity:S or specificity:S "
    "with S above 0 and below 1, or cost:C with C above 0 and at most 1,000"
)
_MAX_COST = 1_000.0


@dataclass(frozen=True)
class ThresholdRule:
    """A rule for the decision threshold, learnt on held-out predictions of train views.

    `auto` is Youden's threshold if there are enough studies to learn it, else 0.5; `sensitivity`
    and `specificity` are at least `value`; `cost` is the lowest cost if a false negative costs
    `value` times a false positive.
    """

    kind: ThresholdKind = "auto"
    value: float = 0.0

    @property
    def is_learnt(self) -> bool:
        """Whether the rule needs predictions to learn from, however few."""
        return self.kind not in ("auto", "given")


def parse_threshold(text: str) -> ThresholdRule:
    """Parse the value of `threshold=`, e.g. `0.3` or `sensitivity:0.95`, or raise UsageError."""
    if text in ("auto", "youden"):
        return ThresholdRule(cast("ThresholdKind", text))
    name, separator, number = text.partition(":")
    kind, number = (name, number) if separator else ("given", name)
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    limit = _MAX_COST if kind == "cost" else 1
    # NaN compares as false
    is_inside = 0 < value < limit or (kind == "cost" and value == limit)
    if not is_inside or (separator and kind not in _WITH_VALUE):
        raise UsageError(f"Expected threshold to be {_ALLOWED}. Received: threshold={text}")
    return ThresholdRule(cast("ThresholdKind", kind), value)
