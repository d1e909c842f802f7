"""Strict parser for JSON objects from untrusted bytes."""

import json
import math
from typing import Any, NoReturn, cast

_MAX_BYTES = 64 * 1024 * 1024
# far below Python's recursion limit, so recursive code can also traverse or encode the object
_MAX_DEPTH = 32


def parse_object(encoded: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ValueError: the bytes are not a JSON object within the limits of size and depth.
    """
    if len(encoded) > _MAX_BYTES:
        raise ValueError(f"{len(encoded)} bytes of JSON; the limit is {_MAX_BYTES}")
    try:
        parsed: Any = json.loads(
            encoded.decode(), parse_constant=_refuse_constant, parse_float=_parse_float
        )
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(parsed, dict):
        raise ValueError(f"expected a JSON object, received {type(parsed).__name__}")
    found = cast("dict[str, Any]", parsed)
    _check(found)
    return found


def _check(parsed: dict[str, Any]) -> None:
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
                # an unpaired surrogate such as \ud800 gives a string that cannot be encoded
                value.encode()
        if not below:
            return
        level = below
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"JSON nested more than {_MAX_DEPTH} levels deep")


def _refuse_constant(name: str) -> NoReturn:
    # NaN and infinity, which JSON lacks but Python's parser accepts
    raise ValueError(f"{name} is not a JSON number")


def _parse_float(text: str) -> float:
    # a number too large for a double becomes infinity
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number
