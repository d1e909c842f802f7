"""Temperatures and decision thresholds, learnt on predictions and stored in `decision.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from shared.storage.atomic import write_atomically
from shared.storage.json_text import parse_object
from shared.storage.regular_file import read_regular
from trainer.evaluation.binary_metrics import Floats, Ints
from trainer.evaluation.calibration import TEMPERATURES, calibrate, learn_temperature
from trainer.evaluation.metrics import LEVELS, by_study, to_arrays

DECISION_FILE = "decision.json"
CALIBRATED = "calibrated_probability"

_LEARNT_ON = ("out_of_fold", "validation")
"""Roles of predictions that a decision may be learnt on, the least biased first."""


@dataclass(frozen=True)
class Rule:
    """The temperature and threshold of views or studies.

    Attributes:
        temperature: divisor of the logits, see `trainer.evaluation.calibration.calibrate`.
        threshold: uncalibrated probabilities at or above it are predicted abnormal.
    """

    temperature: float = 1.0
    threshold: float = 0.5

    @property
    def calibrated_threshold(self) -> float:
        """The threshold on the scale of calibrated probabilities."""
        return float(calibrate(np.array([self.threshold]), self.temperature)[0])


@dataclass(frozen=True)
class Decision:
    """The rules learnt on held-out predictions of train views, before the test.

    Attributes:
        model: name of the model.
        learnt_on: role of the predictions, `validation` or `out_of_fold`; empty if these lack a
            label, so the rules are the defaults.
        num_views: number of views learnt on.
        num_studies: number of studies learnt on.
        view: rule for the probability of a view.
        study: rule for the mean probability of a study's views.
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
    """Learn the rules on a model's out-of-fold predictions, or without folds on validation ones.

    Test predictions are never used.

    Args:
        scored: a scored table.
        model: name of the saved model.
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
    """Return the threshold with the highest Youden's J, sensitivity + specificity - 1.

    Of equal ones it is the nearest to 0.5. Unlike kappa, Youden's J (Youden 1950, Cancer 3:32) does
    not depend on the prevalence of abnormal rows: 40 % of MURA's train split, 48 % of its valid
    split.

    Args:
        labels: 0 and 1, (rows,), both present.
        probabilities: of abnormal, (rows,).

    Returns:
        The midpoint of two probabilities; 0.5 if no threshold is better than chance.
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
    """Return the table with `calibrated_probability` of views; null in rows of other models."""
    probabilities = calibrate(scored["probability"].to_numpy(), decision.view.temperature)
    is_own = pl.col("model") == decision.model
    return scored.with_columns(
        pl.when(is_own).then(pl.lit(pl.Series(probabilities))).alias(CALIBRATED)
    )


def write_decision(folder: Path, decision: Decision) -> None:
    """Write `decision.json` into a run folder.

    Raises:
        WriteError: the file cannot be written.
    """
    # NaN is not valid JSON
    encoded = json.dumps(asdict(decision), indent=2, allow_nan=False) + "\n"
    write_atomically(folder / DECISION_FILE, encoded.encode())


def read_decision(folder: Path) -> Decision:
    """Read `decision.json` from a run folder.

    Raises:
        OSError: the file is missing or unreadable.
        ValueError: the file was not written by `write_decision`.
    """
    return parse_decision(read_regular(folder, DECISION_FILE))


def parse_decision(encoded: bytes) -> Decision:
    """Return the decision in the content of a `decision.json`.

    Raises:
        ValueError: the content was not written by `write_decision`.
    """
    facts = parse_object(encoded)
    _check_types(facts, Decision(""))
    view, study = (_parse_rule(facts.pop(level)) for level in LEVELS)
    decision = Decision(**facts, view=view, study=study)
    num_views, num_studies = decision.num_views, decision.num_studies
    if decision.learnt_on:
        is_possible = 1 <= num_studies <= num_views
    else:
        # nothing was learnt, so all values are the defaults
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
    """Refuse an object with other keys, or other types of values, than those of `like`."""
    found = cast("object", facts)
    if isinstance(facts, dict):
        found = _types_of(cast("dict[str, Any]", facts))
    expected = _types_of(asdict(like))
    if found != expected:
        raise ValueError(f"Expected the types {expected}. Received: {found}")


def _types_of(facts: dict[str, Any]) -> dict[str, str]:
    return {name: type(value).__name__ for name, value in facts.items()}
