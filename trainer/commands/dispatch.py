"""Selection of a command by its name, and parsing of its words."""

# Commands are imported in functions, after the words are parsed: wrong words are reported, and
# `--help` is printed, without the seconds that TensorFlow and matplotlib take to import.

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import trainer.options as opt
from shared.command_line import parse
from shared.console import delivering, note
from shared.errors import UsageError
from trainer.keras_import import import_keras
from trainer.runs.fit_options import parse_fit
from trainer.runs.hardware import limit_threads


def dispatch(words: Sequence[str]) -> None:
    """Run the command that the first word names on the others."""
    name, *rest = words or [""]
    if name in ("-h", "--help"):
        with delivering(needs_all=False):
            usage = "usage: trainer {} [key=value ...]; trainer COMMAND --help lists the options"
            print(usage.format("|".join(_COMMANDS)))
    elif name in _COMMANDS:
        _COMMANDS[name](name, rest)
    else:
        raise UsageError(f"Expected one of {', '.join(_COMMANDS)}. Received: {name}")


def _fit(name: str, words: Sequence[str]) -> None:
    options_type, module = _FITS[name]
    options, given = parse_fit(options_type, words, name)
    key = name
    if isinstance(options, opt.TuneOptions):
        from trainer.tuning.sampler import optuna_version

        options, key = options.complete_search(given), f"tune by optuna {optuna_version()}"
    if isinstance(options, opt.CvOptions) and options.cpus:
        # before TensorFlow starts its threads
        limit_threads(options.cpus)

    from trainer.report.terminal import print_results
    from trainer.runs.setup import set_up_run

    with set_up_run(options, name, key) as setup:
        _import_command(module)(setup)
    print_results(setup.context.folder)


def _run(name: str, words: Sequence[str]) -> None:
    options = parse(_OTHERS[name], words, name)
    _import_command(name)(options)


def _import_command(name: str) -> Callable[[Any], None]:
    return getattr(import_module(f"trainer.commands.{name}"), name)


def _export(name: str, words: Sequence[str]) -> None:
    options = parse(opt.ExportOptions, words, name)
    from trainer.runs.saved.open import open_saved_run

    # first, so that a wrong folder is reported without the wait for TensorFlow
    saved_run = open_saved_run(options.run)
    note("starting TensorFlow")
    import_keras()

    from trainer.commands.export import export

    export(options, saved_run)


# the options and the module, and function of the same name, of each command that fits models
_FITS: dict[str, tuple[type[opt.TrainOptions] | type[opt.CvOptions], str]] = {
    "train": (opt.TrainOptions, "train"),
    "cv": (opt.CvOptions, "cross_validate"),
    "tune": (opt.TuneOptions, "tune"),
}
# the options of the other commands; their modules and functions have the same names
_OTHERS: dict[str, type[Any]] = {
    "eda": opt.EdaOptions,
    "evaluate": opt.EvaluateOptions,
    "compare": opt.CompareOptions,
    "audit": opt.AuditOptions,
    "predict": opt.PredictOptions,
    "serve": opt.ServeOptions,
}
_COMMANDS: dict[str, Callable[[str, Sequence[str]], None]] = {
    **dict.fromkeys(_FITS, _fit),
    **dict.fromkeys(_OTHERS, _run),
    "export": _export,
}
