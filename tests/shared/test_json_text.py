"""JSON from outside is a plain object or a ValueError, whatever the bytes are."""

import random

import pytest

from shared.json_text import parse_object


def test_an_object_is_parsed() -> None:
    text = '{"a": [1, -2.5e3, null, true], "b": {"c": "é"}}'
    assert parse_object(text.encode()) == {"a": [1, -2500.0, None, True], "b": {"c": "é"}}


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b"[1]",
        b"null",
        b'{"a": 1} {}',
    ],
)
def test_anything_else_is_a_value_error(encoded: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_object(encoded)


def test_damaged_text_is_an_object_or_a_value_error() -> None:
    whole = b'{"digest": "0123", "rows": [[1, 2.5e-3], {"a": null, "b": "\\u00e9"}], "n": 7}'
    rng, outcomes = random.Random(4), {"object": 0, "refused": 0}
    for _ in range(2_000):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        try:
            outcomes["object"] += isinstance(parse_object(bytes(damaged)), dict)
        except ValueError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100
