"""The words and numbers of a report: what the measures mean, said with their uncertainty."""

import json
from collections.abc import Sequence
from typing import Any, cast

from shared.labels import LABEL_NAMES, MURA_PARTS
from trainer.evaluation.metrics import Measures

FEW_STUDIES = 30
_UNDEFINED = "\N{EN DASH}"
_SINGULARS = {"studies": "study", "classes": "class", "processes": "process"}

ROLE_NAMES = {
    "test": "Test: the official valid split",
    "validation": "Validation: held out of train, by patient",
    "out_of_fold": "Out of fold: each view scored by a model that had not seen its patient",
}


def number(value: float | None) -> str:
    """Format a measure to three decimals; what is not defined is a dash."""
    return _UNDEFINED if value is None else f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def interval(bounds: Measures | None) -> str:
    """Format a 95 % interval to two decimals, e.g. `[0.72, 0.88]`; nothing where there is none."""
    if bounds is None:
        return ""
    return f"[{bounds['low']:.2f}, {bounds['high']:.2f}]".replace("-", "\N{MINUS SIGN}")


def estimate(measures: Measures, level: str, key: str) -> str:
    """Format a measure with its interval, e.g. `0.804 [0.72, 0.88]`."""
    return with_interval(measures[f"{level}_{key}"], measures[f"{level}_intervals"][key])


def with_interval(value: float | None, bounds: Measures | None) -> str:
    """Format a measure and its 95 % interval."""
    return f"{number(value)} {interval(bounds)}".rstrip()


def percent(share: float, decimals: int = 0) -> str:
    """Format a share."""
    return f"{share:.{decimals}%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")


def fine_percent(share: float) -> str:
    """Format a small share to a tenth of a percent."""
    return percent(share, 1)


def count(num: int, unit: str) -> str:
    """Format a count with its unit, e.g. `1 study`, `1,204 views`."""
    singular = _SINGULARS.get(unit, unit.removesuffix("s"))
    return f"{num:,} {singular if num == 1 else unit}"


def duration(seconds: float) -> str:
    """Format a duration, e.g. `1 h 13 min`, `2 min 5 s`, `1.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left_s = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {left_s} s"
    return f"{minutes // 60} h {minutes % 60} min"


def setting(value: Any) -> str:
    """Format a value of `config.json` for a table."""
    if value is None:
        return _UNDEFINED
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[Any]", value))) or "none"
    return value if isinstance(value, str) else json.dumps(value)


FORMATS = (number, interval, estimate, percent, fine_percent, count, duration, setting)
"""What a template needs to write a value."""


def part_name(parts: Sequence[str]) -> str:
    """Name the body parts of a run for its title."""
    if set(parts) >= set(MURA_PARTS):
        return "All body parts"
    return ", ".join(parts).capitalize()


def commoner_label(measures: Measures) -> str:
    """Return the label that most views have."""
    num_abnormal = measures["num_abnormal_views"]
    return LABEL_NAMES[int(2 * num_abnormal > measures["num_views"])]


def headline(measures: Measures) -> list[str]:
    """Say in sentences what the measures of unseen views mean, against chance and majority."""
    seen = f"{count(measures['num_views'], 'views')} of {count(measures['num_studies'], 'studies')}"
    sentences = [_on_ranking(measures, seen), _on_accuracy(measures)]
    if _may_be_chance(measures):
        sentences.append(
            "With this many studies, the AUROC by study cannot be told from that of a coin."
        )
    if measures["num_studies"] < FEW_STUDIES:
        sentences.append(
            f"These are fewer than {FEW_STUDIES} studies: take all numbers below as rough."
        )
    return sentences


def _on_ranking(measures: Measures, seen: str) -> str:
    auroc = measures["view_auroc"]
    if auroc is None:
        return f"The {seen} it had not seen all have one label, so there is no AUROC."
    return (
        f"On {seen} it had not seen, the model gave an abnormal view a higher probability than "
        f"a normal one {percent(auroc)} of the time (AUROC {number(auroc)}; a coin has 0.5)."
    )


def _on_accuracy(measures: Measures) -> str:
    accuracy, majority = measures["view_accuracy"], measures["view_majority_accuracy"]
    label = commoner_label(measures)
    verdict = "" if accuracy > majority else ", so its answers add nothing to that"
    return (
        f"Its answer was right for {percent(accuracy)} of views; always answering “{label}” would "
        f"have been right for {percent(majority)}{verdict}."
    )


def _may_be_chance(measures: Measures) -> bool:
    bounds = measures["study_intervals"]["auroc"]
    return bool(bounds) and bounds["low"] <= 0.5 <= bounds["high"]
