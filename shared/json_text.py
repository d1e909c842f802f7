"""JSON text: an object read from untrusted bytes, with strict limits."""

import json
import math
from typing import Any, NoReturn, cast

_MAX_BYTES = 64 * 1024 * 1024
_MAX_DEPTH = 32
"""Far below Python's recursion limit, so that whoever walks or encodes the object is safe too."""


def parse_object(encoded: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    JSON has no NaN and no infinity, which Python's parser accepts; they are refused, as are numbers
    too large for a double.

    Args:
        encoded: UTF-8.

    Raises:
        ValueError: the bytes are not a JSON object of bounded size and depth.
    """
    if len(encoded) > _MAX_BYTES:
        raise ValueError(f"{len(encoded)} bytes of JSON, at most {_MAX_BYTES}")
    try:
        parsed: Any = json.loads(
            encoded.decode(), parse_constant=_refuse_constant, parse_float=_parse_float
        )
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(parsed, dict):
        raise ValueError(f"a JSON object expected, {type(parsed).__name__} received")
    found = cast("dict[str, Any]", parsed)
    _check(found)
    return found


def _check(parsed: dict[str, Any]) -> None:
    """Refuse deep nesting, and strings that no file or terminal can take."""
    level: list[Any] = [parsed]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                pairs = cast("dict[str, Any]", value)
                below += [*pairs.keys(), *pairs.values()]
            elif isinstance(value, list):
                below += cast("list[Any]", value)
            elif isinstance(value, str) and not value.isascii():
                # an escape like \ud800 alone gives a string that cannot be encoded
                value.encode()
        if not below:
            return
        level = below
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"JSON nested more than {_MAX_DEPTH} levels deep")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number
