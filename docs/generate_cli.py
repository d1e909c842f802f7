"""Writes docs/cli.md, a table of options for each command, from the option dataclasses.

`just docs` runs it; a test fails when the page is out of date.
"""

from pathlib import Path
from typing import Any

from ingest.options import IngestOptions, VerifyOptions
from ingest.phantom.options import PhantomOptions
from shared.errors import MuraLakeError, UsageError
from shared.option_fields import PROCESSORS, OptionField, read_fields
from shared.option_help import read_description, read_docstrings
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


def generate_page() -> str:
    """Return the text of docs/cli.md."""
    return "\n".join([_INTRODUCTION, *(_describe(*item) for item in COMMANDS.items())])


def _describe(command: str, options_type: Any) -> str:
    texts = {name: text.replace("|", "\\|") for name, text in read_docstrings(options_type).items()}
    description, examples = read_description(options_type)
    rows = [
        "| option | default | values | description |",
        "| --- | --- | --- | --- |",
        *(
            f"| {_name(field)} | {_default(field)} | {_values(field)} | {texts[field.name]} |"
            for field in read_fields(options_type).values()
        ),
    ]
    prose, code = "\n\n".join(description), "\n".join(examples)
    return "\n".join([f"## {command}\n\n{prose}\n\n```sh\n{code}\n```\n", *rows, ""])


def _name(field: OptionField) -> str:
    return field.name.upper() if field.metavar else f"`{field.name}=`"


def _default(field: OptionField) -> str:
    if field.metavar:
        return "required"
    is_prose = field.default == PROCESSORS
    return field.default if is_prose else f"`{field.default}`" if field.default else "not set"


def _values(field: OptionField) -> str:
    return ", ".join(f"`{word}`" for word in field.choices) or field.values[0]


if __name__ == "__main__":
    PAGE.write_text(generate_page())
