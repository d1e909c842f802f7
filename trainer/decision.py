"""Decision: the temperatures and thresholds that a run learns on predictions and keeps."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from shared.files import write_atomically
from shared.json_text import parse_object
from shared.regular_file import read_regular
from trainer.calibration import TEMPERATURES, calibrate, learn_temperature
from trainer.metrics import LEVELS, by_study, to_arrays
from trainer.rates import Floats, Ints

DECISION_FILE = "decision.json"
CALIBRATED = "calibrated_probability"

_LEARNT_ON = ("out_of_fold", "validation")
"""Roles of rows that a decision may be learnt on, the fairest first."""


@dataclass(frozen=True)
class Rule:
    """How a level's probabilities are read.

    Attributes:
        temperature: divides their logits, see `trainer.calibration.calibrate`.
        threshold: a probability, before calibration, of at least this is answered with abnormal.
    """

    temperature: float = 1.0
    threshold: float = 0.5

    @property
    def calibrated_threshold(self) -> float:
        """The threshold on the scale of calibrated probabilities."""
        return float(calibrate(np.array([self.threshold]), self.temperature)[0])


@dataclass(frozen=True)
class Decision:
    """What is learnt on predictions of train views, by level, before anything is tested.

    Attributes:
        model: whose predictions they are.
        learnt_on: the role of the rows, `validation` or `out_of_fold`; empty if they lacked a
            label, so that nothing was learnt.
        num_views: of those rows.
        num_studies: of those rows.
        view: of the probability of a view.
        study: of the mean probability of a study's views.
    """

    model: str
    learnt_on: str = ""
    num_views: int = 0
    num_studies: int = 0
    view: Rule = Rule()
    study: Rule = Rule()

    def rule(self, level: str) -> Rule:
        """Return the rule of `view` or `study`."""
        return {"view": self.view, "study": self.study}[level]


def decide(scored: pl.DataFrame, model: str) -> Decision:
    """Learn from a model's predictions out of fold, or of validation where there are no folds.

    Never from those of the test.

    Args:
        scored: a scored table.
        model: the name of the model that is kept.
    """
    for role in _LEARNT_ON:
        rows = scored.filter(model=model, role=role).sort("view_id")
        if rows["label"].n_unique() > 1:
            studies = by_study(rows)
            return Decision(
                model, role, rows.height, studies.height, view=_learn(rows), study=_learn(studies)
            )
    return Decision(model)


def _learn(rows: pl.DataFrame) -> Rule:
    return Rule(learn_temperature(*to_arrays(rows)), learn_threshold(*to_arrays(rows)))


def learn_threshold(labels: Ints, probabilities: Floats) -> float:
    """Return the threshold with the highest recall + specificity - 1, the nearest to 0.5 of equals.

    Youden's J (Youden 1950, Cancer 3:32) is chosen, not the highest kappa, because it does not
    depend on how common abnormal rows are: 40 % of MURA's train split, 48 % of its valid split.

    Args:
        labels: 0 and 1, (rows,), both present.
        probabilities: of abnormal, (rows,).

    Returns:
        Halfway between two probabilities; 0.5 if no threshold is better than a coin.
    """
    values = np.unique(probabilities)
    thresholds = (values[1:] + values[:-1]) / 2
    false_normal, true_normal = (
        np.searchsorted(np.sort(probabilities[labels == label]), thresholds)
        / (labels == label).sum()
        for label in (1, 0)
    )
    youden = true_normal - false_normal
    if not youden.size or youden.max() <= 0:
        return 0.5
    best = thresholds[youden == youden.max()]
    return float(best[np.abs(best - 0.5).argmin()])


def add_calibrated(scored: pl.DataFrame, decision: Decision) -> pl.DataFrame:
    """Return the table with `calibrated_probability` of views, null for other models' rows."""
    probabilities = calibrate(scored["probability"].to_numpy(), decision.view.temperature)
    is_own = pl.col("model") == decision.model
    return scored.with_columns(
        pl.when(is_own).then(pl.lit(pl.Series(probabilities))).alias(CALIBRATED)
    )


def write_decision(folder: Path, decision: Decision) -> None:
    """Write `decision.json` into a run folder.

    Raises:
        WriteError: it cannot be written.
    """
    encoded = json.dumps(asdict(decision), indent=2, allow_nan=False) + "\n"
    write_atomically(folder / DECISION_FILE, encoded.encode())


def read_decision(folder: Path) -> Decision:
    """Read `decision.json` from a run folder.

    Raises:
        OSError: there is none.
        ValueError: it is none that `write_decision` wrote.
    """
    return parse_decision(read_regular(folder, DECISION_FILE))


def parse_decision(encoded: bytes) -> Decision:
    """Return the decision of a `decision.json`.

    Raises:
        ValueError: it is none that `write_decision` wrote.
    """
    facts = parse_object(encoded)
    _check_types(facts, Decision(""))
    view, study = (_parse_rule(facts.pop(level)) for level in LEVELS)
    decision = Decision(**facts, view=view, study=study)
    num_views, num_studies = decision.num_views, decision.num_studies
    if decision.learnt_on:
        is_possible = 1 <= num_studies <= num_views
    else:
        # nothing was learnt, so that all is as it was
        is_possible = decision == Decision(decision.model)
    if decision.learnt_on not in ("", *_LEARNT_ON) or not is_possible:
        raise ValueError(
            f"Expected a decision learnt on {' or '.join(_LEARNT_ON)}. Received: learnt_on="
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
    return rule


def _check_types(facts: Any, like: Decision | Rule) -> None:
    """Refuse an object without exactly the keys of another, or with values of other types."""
    found = cast("object", facts)
    if isinstance(facts, dict):
        found = _types_of(cast("dict[str, Any]", facts))
    expected = _types_of(asdict(like))
    if found != expected:
        raise ValueError(f"Expected the types {expected}. Received: {found}")


def _types_of(facts: dict[str, Any]) -> dict[str, str]:
    return {name: type(value).__name__ for name, value in facts.items()}
