"""Command-line parsing into frozen option dataclasses: fields are keys, docstrings the help."""

import ast
import contextlib
import dataclasses
import inspect
import io
import os
import re
import shutil
import textwrap
from collections.abc import Generator, Sequence
from itertools import groupby
from typing import Any, TypeVar, get_args

from shared.console import delivering
from shared.errors import UsageError
from shared.help_defaults import make_registry

Options = TypeVar("Options")

_WORD = re.compile(r"(?:--)?(?P<key>[A-Za-z][A-Za-z0-9_-]*)=(?P<value>.*)", re.DOTALL)
_NARROWEST = 40
_BOX = "│╭╰─╮╯ "


def parse(options_type: type[Options], words: Sequence[str], prog: str) -> Options:
    """Parse a command line, without the program's name, into options.

    Args:
        options_type: a frozen dataclass; a field annotated `tyro.conf.Positional` needs no key.

    Raises:
        UsageError: a key is unknown, a value is not allowed, or an argument is missing.
        SystemExit: status 0, after `--help` was printed.
    """
    import tyro

    keys = [field.name for field in dataclasses.fields(options_type)]  # pyright: ignore[reportArgumentType]  # TypeVar cannot say "dataclass"
    description = _docstring(options_type)
    refusal = io.StringIO()
    flags, values = _sort_words(words, keys, _positional_keys(options_type))
    # positional values follow --, so that they may start with a dash
    arguments = [*flags, "--", *values] if values else flags
    try:
        with contextlib.redirect_stderr(refusal), delivering(needs_all=False), _wide_enough():
            return tyro.cli(
                options_type,
                prog=prog,
                args=arguments,
                description=f"{description}\n\nWrite options as key=value or --key value.",
                use_underscores=True,
                config=(tyro.conf.HelptextFromCommentsOff,),
                registry=make_registry(),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UsageError(_first_paragraph(refusal.getvalue())) from None


def _docstring(documented: type[Any]) -> str:
    # from the source, because PYTHONOPTIMIZE=2 removes docstrings
    source = ast.parse(textwrap.dedent(inspect.getsource(documented)))
    classes = [node for node in source.body if isinstance(node, ast.ClassDef)]
    return ast.get_docstring(classes[0]) or ""


@contextlib.contextmanager
def _wide_enough() -> Generator[None, None, None]:
    # tyro loops forever at a width of 1
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(max(_NARROWEST, shutil.get_terminal_size().columns))
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if columns is not None:
            os.environ["COLUMNS"] = columns


def given_keys(options_type: type[Any], words: Sequence[str]) -> frozenset[str]:
    """Return the keys that have a value on a command line accepted by `parse`."""
    keys = [field.name for field in dataclasses.fields(options_type)]
    flags, _ = _sort_words(words, keys, _positional_keys(options_type))
    return frozenset(flag[2:].partition("=")[0] for flag in flags if flag.startswith("--"))


def _positional_keys(options_type: type[Any]) -> set[str]:
    import tyro

    marker = get_args(tyro.conf.Positional[str])[1]
    hints = inspect.get_annotations(options_type)
    return {key for key, hint in hints.items() if marker in get_args(hint)}


def _sort_words(
    words: Sequence[str], keys: Sequence[str], positional: set[str]
) -> tuple[list[str], list[str]]:
    """Return the flags and the positional values; `part=a`, `--part a` and `--part=a` are equal."""
    flags: list[str] = []
    values: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            values += rest
            break
        # os.path.exists, because Path.exists raises OSError for a word that is too long for a path
        if positional and os.path.exists(word):  # noqa: PTH110
            values.append(word)
            continue
        match = _WORD.fullmatch(word)
        key = match["key"] if match else word[2:] if word.startswith("--") else ""
        if key == "" and word.startswith("-") and word != "-h":
            raise UsageError(
                f"Expected one of the keys {', '.join(keys)}, or -- before a path that begins "
                f"with a dash. Received: {word}"
            )
        if key in ("", "help"):
            (flags if word.startswith("-") else values).append(word)
            continue
        key = key.replace("-", "_")
        if key not in keys:
            raise UsageError(f"Expected one of the keys {', '.join(keys)}. Received: {word}")
        # the word after a bare flag is its value, even if it looks like a flag
        value = match["value"] if match else next(rest, None)
        if value is None:
            raise UsageError(f"Expected a value after {word}. Received: none")
        if key in positional:
            values.append(value)
        else:
            flags.append(f"--{key}={value}")
    return flags, values


def _first_paragraph(boxed: str) -> str:
    # of tyro's boxed message, without its title
    lines = [line.strip(_BOX) for line in boxed.strip().splitlines()[1:]]
    # if the encoding lacks box characters, a rule also follows the title
    groups = groupby(lines, key=lambda line: line.strip("-") != "")
    return next((" ".join(group) for is_text, group in groups if is_text), "")
