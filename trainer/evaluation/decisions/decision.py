"""Temperatures and decision thresholds of a run, and their file `decision.json`."""

from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from shared.storage.json_text import parse_object
from trainer.evaluation.decisions.calibration import TEMPERATURES, calibrate
from trainer.evaluation.scored_table import LEVELS

DECISION_FILE = "decision.json"

# origins of a decision threshold
BASES = {
    "default": "0.5, because nothing was learnt",
    "few": "0.5, because fewer than 1,000 studies are too few to learn it",
    "unclear": "0.5, because the 95 % CI of the learnt threshold includes it",
    "youden": "the value with the highest Youden's J",
    "given": "the value of `threshold=`",
    "sensitivity": "the highest value with the sensitivity that `threshold=` demands",
    "specificity": "the lowest value with the specificity that `threshold=` demands",
    "cost": "the value with the lowest cost of errors, weighted as `threshold=` demands",
}

# roles of predictions that a decision may be learnt on, the least biased first
LEARNT_ON = ("out_of_fold", "validation")


@dataclass(frozen=True)
class Rule:
    """The temperature and decision threshold of views or studies.

    Attributes:
        threshold: uncalibrated probabilities at or above it are predicted abnormal.
        basis: key of `BASES`.
    """

    temperature: float = 1.0
    threshold: float = 0.5
    basis: str = "default"

    @property
    def calibrated_threshold(self) -> float:
        """The threshold on the scale of calibrated probabilities."""
        return float(calibrate(np.array([self.threshold]), self.temperature)[0])


@dataclass(frozen=True)
class Decision:
    """The rules learnt on held-out predictions of train views, before the test.

    Attributes:
        learnt_on: role of the predictions, `validation` or `out_of_fold`; empty if these lack a
            label, so only a given threshold differs from the defaults.
    """

    model: str
    learnt_on: str = ""
    num_views: int = 0
    num_studies: int = 0
    view: Rule = Rule()
    study: Rule = Rule()

    def rule(self, level: str) -> Rule:
        """Return the rule of a level."""
        return {"view": self.view, "study": self.study}[level]


def parse_decision(encoded: bytes) -> Decision:
    """Return the decision in the content of a `decision.json`, the object `asdict(decision)`.

    Raises:
        ValueError: a key is missing or unknown, or a value is of another type or out of range.
    """
    facts = parse_object(encoded)
    # a run folder may be untrusted or edited: dataclasses do not check their types
    _check_types(facts, Decision(""))
    view, study = (_parse_rule(facts.pop(level)) for level in LEVELS)
    decision = Decision(**facts, view=view, study=study)
    num_views, num_studies = decision.num_views, decision.num_studies
    if decision.learnt_on:
        is_possible = decision.learnt_on in LEARNT_ON and 1 <= num_studies <= num_views
    else:
        # nothing was learnt, so the temperatures are the defaults
        is_possible = (num_views, num_studies) == (0, 0) and all(
            rule.temperature == 1 and rule.basis in ("default", "given")
            for rule in (decision.view, decision.study)
        )
    if not is_possible:
        raise ValueError(
            f"Expected a decision learnt on {' or '.join(LEARNT_ON)}. Received: learnt_on="
            f"{decision.learnt_on!r}, num_views={num_views}, num_studies={num_studies}"
        )
    return decision


def _parse_rule(facts: Any) -> Rule:
    _check_types(facts, Rule())
    rule = Rule(**facts)
    low, high = TEMPERATURES
    # negated, because NaN compares as false
    if not (low <= rule.temperature <= high and 0 <= rule.threshold <= 1):
        raise ValueError(
            f"Expected a temperature of {low} to {high} and a threshold of 0 to 1. "
            f"Received: temperature={rule.temperature}, threshold={rule.threshold}"
        )
    if rule.basis not in BASES:
        raise ValueError(f"Expected one of the bases {', '.join(BASES)}. Received: {rule.basis!r}")
    return rule


def _check_types(facts: Any, like: Decision | Rule) -> None:
    found = cast("object", facts)
    if isinstance(facts, dict):
        found = _types_of(cast("dict[str, Any]", facts))
    expected = _types_of(asdict(like))
    if found != expected:
        raise ValueError(f"Expected the types {expected}. Received: {found}")


def _types_of(facts: dict[str, Any]) -> dict[str, str]:
    return {name: type(value).__name__ for name, value in facts.items()}
