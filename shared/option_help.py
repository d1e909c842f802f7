"""Help of a command, from the docstrings of its option dataclass."""

import ast
import inspect
import shutil
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from shared.option_fields import OptionField, read_fields

_NARROWEST, _WIDEST = 40, 100


def format_help(options_type: type[Any], prog: str) -> str:
    """Return the help of a command, wrapped to the width of the terminal."""
    fields = sorted(read_fields(options_type).values(), key=lambda field: not field.metavar)
    description, examples = read_description(options_type)
    texts = read_docstrings(options_type)
    metavars = "".join(f" {field.metavar}" for field in fields if field.metavar)
    options = [_wrap(texts[field.name], f"  {_title(field)}\n      ") for field in fields]
    return "\n".join(
        [
            f"usage: just {prog}{metavars} [key=value ...]\n",
            *(f"{_wrap(paragraph)}\n" for paragraph in description),
            *(f"  {example}" for example in examples),
            "\nWrite options as key=value or --key value:\n",
            *options,
        ]
    )


def read_description(options_type: type[Any]) -> tuple[list[str], list[str]]:
    """Return the paragraphs of prose, and the examples, of the docstring of a command."""
    # from the source, because PYTHONOPTIMIZE=2 removes docstrings
    paragraphs = (ast.get_docstring(_parse_class(options_type)) or "").split("\n\n")
    examples = [paragraph for paragraph in paragraphs if paragraph.startswith("just ")]
    return [each for each in paragraphs if each not in examples], examples


def read_docstrings(options_type: type[Any]) -> dict[str, str]:
    """Return the string below each field, which Python does not keep, from the source code."""
    found: dict[str, str] = {}
    for base in reversed(options_type.__mro__[:-1]):
        found.update(_docstrings_of(_parse_class(base)))
    return found


def _docstrings_of(tree: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(tree.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())
            case _:
                pass


def _parse_class(documented: type[Any]) -> ast.ClassDef:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(documented))).body
    assert isinstance(tree, ast.ClassDef)
    return tree


def _title(field: OptionField) -> str:
    if field.metavar:
        return field.metavar
    default = f"; default: {field.default}" if field.default else ""
    return f"{field.name}=  {', '.join(field.values)}{default}"


def _wrap(text: str, start: str = "") -> str:
    columns = shutil.get_terminal_size().columns
    width = min(max(columns, _NARROWEST), _WIDEST)
    title, _, indent = start.rpartition("\n")
    lines = textwrap.wrap(" ".join(text.split()), width - len(indent))
    return "\n".join([*([title] if title else []), *(indent + line for line in lines)])
