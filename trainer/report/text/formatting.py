"""Formats of numbers and names in reports."""

import json
from collections.abc import Sequence
from typing import Any, cast

from shared.counts import count
from shared.labels import MURA_PARTS
from trainer.evaluation.metrics import Measures

_UNDEFINED = "\N{EN DASH}"

ROLE_NAMES = {
    "test": "Test: the valid split",
    "validation": "Validation: held out of train, by patient",
    "out_of_fold": "Out-of-fold: each view is predicted by a model that has not seen its patient",
}


def set_name(role: str) -> str:
    """Return the name of a set in a sentence."""
    return role.replace("_", "-")


def number(value: float | None) -> str:
    """Format a metric to three decimals; an undefined one is a dash."""
    return _UNDEFINED if value is None else _fixed(value, 3)


def interval(bounds: Measures | None) -> str:
    """Format a 95 % CI to two decimals, e.g. `[0.72, 0.88]`; empty without an interval."""
    if bounds is None:
        return ""
    return f"[{_fixed(bounds['low'], 2)}, {_fixed(bounds['high'], 2)}]"


def _fixed(value: float, decimals: int) -> str:
    # adding 0 turns -0 into 0
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def estimate(measures: Measures, level: str, key: str) -> str:
    """Format a metric by name with its 95 % CI, e.g. `0.804 [0.72, 0.88]`."""
    return with_interval(measures[f"{level}_{key}"], measures[f"{level}_intervals"][key])


def with_interval(value: float | None, bounds: Measures | None) -> str:
    """Format a value and its 95 % CI."""
    return f"{number(value)} {interval(bounds)}".rstrip()


def percent(share: float, decimals: int = 0) -> str:
    """Format a share as a percentage."""
    return f"{share:.{decimals}%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")


def plain(text: str) -> str:
    """Replace narrow spaces, which a terminal shows as an escape sequence."""
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ")


def fine_percent(share: float) -> str:
    """Format a small share to a tenth of a percent."""
    return percent(share, 1)


def duration(seconds: float) -> str:
    """Format a duration, e.g. `1 h 13 min`, `2 min 5 s`, `1.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left_s = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {left_s} s"
    return f"{minutes // 60} h {minutes % 60} min"


def setting(value: Any) -> str:
    """Format a value of `config.json`."""
    if value is None or value == "":
        return _UNDEFINED
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[Any]", value))) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def enumerate_names(names: Sequence[str]) -> str:
    """Join names in a sentence, e.g. `the view, its mirror image and 2 changes`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def part_name(parts: Sequence[str]) -> str:
    """Return the body parts of a run as a title."""
    if set(parts) >= set(MURA_PARTS):
        return "All body parts"
    return ", ".join(parts).capitalize()


# templates use them as `as_NAME`
FORMATS = (
    *(number, interval, estimate, with_interval, percent, fine_percent),
    *(count, duration, setting, set_name),
)
