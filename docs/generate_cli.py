"""Writes docs/cli.md, a table of options for each command, from the option dataclasses.

`just docs` runs it; a test fails when the page is out of date.
"""

import ast
import dataclasses
import inspect
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ingest.options import IngestOptions, VerifyOptions
from ingest.phantom.options import PhantomOptions
from shared.errors import MuraLakeError, UsageError
from trainer.options import (
    AuditOptions,
    CompareOptions,
    CvOptions,
    EdaOptions,
    EvaluateOptions,
    ExportOptions,
    PredictOptions,
    ServeOptions,
    TrainOptions,
    TuneOptions,
)

PAGE = Path(__file__).with_name("cli.md")
COMMANDS: dict[str, Any] = {
    "ingest": IngestOptions,
    "verify": VerifyOptions,
    "eda": EdaOptions,
    "train": TrainOptions,
    "cv": CvOptions,
    "tune": TuneOptions,
    "evaluate": EvaluateOptions,
    "compare": CompareOptions,
    "audit": AuditOptions,
    "predict": PredictOptions,
    "export": ExportOptions,
    "serve": ServeOptions,
    "phantom": PhantomOptions,
}
"""The options of each command, in the order of the page."""

_INTRODUCTION = f"""\
# Command line

`just docs` generates this page from the options in the code.

`just train part=wrist` and `mura-train part=wrist` run the same command.
`size=224`, `--size 224` and `--size=224` mean the same; `just train --help` lists the options.

Exit status: 0 success, {MuraLakeError.exit_status} failure, {UsageError.exit_status} usage error, \
130 interrupted, 143 terminated.
"""
_TYPES = {str: "text", int: "whole number", float: "number"}


def generate_page() -> str:
    """Return the text of docs/cli.md."""
    return "\n".join([_INTRODUCTION, *(_describe(*item) for item in COMMANDS.items())])


def _describe(command: str, options_type: Any) -> str:
    docstrings = _read_docstrings(options_type)
    hints = get_type_hints(options_type)
    description, examples = _split_examples(inspect.getdoc(options_type) or "")
    rows = [
        "| option | default | values | description |",
        "| --- | --- | --- | --- |",
        *(
            f"| {_name(field)} | {_default(field)} | {_values(hints[field.name])} "
            f"| {docstrings[field.name]} |"
            for field in dataclasses.fields(options_type)
        ),
    ]
    code = "\n".join(examples)
    return "\n".join([f"## {command}\n\n{description}\n\n```sh\n{code}\n```\n", *rows, ""])


def _split_examples(docstring: str) -> tuple[str, list[str]]:
    """Return the prose of a docstring, and its paragraphs that are command lines."""
    paragraphs = docstring.split("\n\n")
    examples = [paragraph for paragraph in paragraphs if paragraph.startswith("just ")]
    return "\n\n".join(p for p in paragraphs if p not in examples), examples


def _read_docstrings(options_type: Any) -> dict[str, str]:
    """Return the string below each field, which Python does not keep, from the source code."""
    found: dict[str, str] = {}
    for base in reversed(options_type.__mro__):
        if base is object:
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, below in pairwise(body):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = " ".join(text.split()).replace("|", "\\|")
                case _:
                    pass
    return found


def _name(field: "dataclasses.Field[Any]") -> str:
    is_positional = field.name in ("root", "paths", "runs")
    return field.name.upper() if is_positional else f"`{field.name}=`"


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "number of processors"
    if field.default is dataclasses.MISSING or field.default == ():
        return "required"
    return "not set" if field.default in ("", None) else f"`{field.default}`"


def _values(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(hint))
    # of `float | None`, `Literal[...] | None` and `tuple[str, ...]`, the first
    return _TYPES[hint] if hint in _TYPES else _values(get_args(hint)[0])


if __name__ == "__main__":
    PAGE.write_text(generate_page())
