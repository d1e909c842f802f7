"""Command-line parsing into frozen option dataclasses: fields are keys, docstrings the help."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from shared.console import delivering
from shared.errors import UsageError
from shared.option_fields import OptionField, read_fields

Options = TypeVar("Options")

_WORD = re.compile(r"(?:--)?(?P<key>[A-Za-z][A-Za-z0-9_-]*)=(?P<value>.*)", re.DOTALL)
_HELP = ("-h", "--help")
_KINDS = {int: "a whole number", float: "a number"}


def parse(options_type: type[Options], words: Sequence[str], prog: str) -> Options:
    """Parse a command line, without the program's name, into options.

    Args:
        options_type: a frozen dataclass; a field with a `metavar` needs no key.

    Raises:
        UsageError: a key is unknown, a value is not allowed, or an argument is missing.
        SystemExit: status 0, after `--help` was printed.
    """
    fields = read_fields(options_type)
    given, values = _sort_words(words, fields)
    if any(flag in given for flag in _HELP):
        # late, as only the help reads the source of the options
        from shared.option_help import format_help

        with delivering(needs_all=False):
            print(format_help(options_type, prog))
        raise SystemExit(0)
    arguments = {key: _convert(fields[key], word) for key, word in given.items()}
    return options_type(**arguments, **_take_values(fields, values))


def given_keys(options_type: type[Any], words: Sequence[str]) -> frozenset[str]:
    """Return the keys that have a value on a command line accepted by `parse`."""
    given, _ = _sort_words(words, read_fields(options_type))
    return frozenset(given).difference(_HELP)


def _sort_words(
    words: Sequence[str], fields: Mapping[str, OptionField]
) -> tuple[dict[str, str], list[str]]:
    """Return the values by key, and those without one; `part=a`, `--part a`, `--part=a` are equal.

    A word that asks for help is a key without a value.
    """
    given: dict[str, str] = {}
    values: list[str] = []
    has_values = any(field.metavar for field in fields.values())
    rest = iter(words)
    for word in rest:
        if word == "--":
            values += rest
            break
        # os.path.exists, because Path.exists raises OSError for a word that is too long for a path
        if has_values and os.path.exists(word):  # noqa: PTH110
            values.append(word)
            continue
        if word in _HELP:
            given[word] = ""
            continue
        match = _WORD.fullmatch(word)
        key = (match["key"] if match else word[2:] if word.startswith("--") else "").replace(
            "-", "_"
        )
        if key == "" and not word.startswith("-"):
            values.append(word)
            continue
        if key not in fields:
            raise _refuse_key(word, key, fields)
        # the word after a bare flag is its value, even if it looks like a flag
        value = match["value"] if match else next(rest, None)
        if value is None:
            raise UsageError(f"Expected a value after {word}. Received: none")
        if fields[key].metavar:
            values.append(value)
        else:
            given[key] = value
    return given, values


def _refuse_key(word: str, key: str, fields: Mapping[str, OptionField]) -> UsageError:
    closest = _find_closest(key, list(fields))
    if closest:
        return UsageError(
            f"Expected a key that --help lists; did you mean {closest}=? Received: {word}"
        )
    hint = "" if key else ", or -- before a path that begins with a dash"
    return UsageError(f"Expected one of the keys {', '.join(fields)}{hint}. Received: {word}")


def _find_closest(word: str, known: Sequence[str]) -> str:
    # late, as most command lines are right
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, n=1, cutoff=0.65)), "")


def _convert(field: OptionField, word: str) -> Any:
    if field.choices:
        if word in field.choices:
            return word
        closest = _find_closest(word, field.choices)
        hint = f"; did you mean {closest}?" if closest else "."
        expected = f"one of {', '.join(field.choices)}{hint}"
    else:
        try:
            return field.kind(word)
        except ValueError:
            expected = f"{_KINDS[field.kind]}."
    raise UsageError(f"Expected {field.name} to be {expected} Received: {field.name}={word}")


def _take_values(fields: Mapping[str, OptionField], values: list[str]) -> dict[str, Any]:
    """Return the value of the field that needs no key."""
    field = next((field for field in fields.values() if field.metavar), None)
    if field is None:
        if values:
            raise UsageError(f"Expected words such as key=value. Received: {values[0]}")
        return {}
    if field.is_tuple:
        return {field.name: tuple(values)}
    if len(values) != 1:
        received = " ".join(values) or "none"
        raise UsageError(f"Expected one {field.metavar}; see --help. Received: {received}")
    return {field.name: values[0]}
