"""Selection of a command by its name, and parsing of its words."""

# Commands are imported in functions, after the words are parsed: wrong words are reported, and
# `--help` is printed, without the seconds that TensorFlow and matplotlib take to import.

from collections.abc import Sequence

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
        _COMMANDS[name](rest)
    else:
        raise UsageError(f"Expected one of {', '.join(_COMMANDS)}. Received: {name}")


def _train(words: Sequence[str]) -> None:
    options, _ = parse_fit(opt.TrainOptions, words, "train")

    from trainer.report.terminal import print_results
    from trainer.runs.setup import Command, set_up_run

    command = Command("train", f"train-{options.part}-{options.model}", [options.model])
    with set_up_run(options, command) as (context, plan, _):
        from trainer.commands.train import train

        train(context, plan)
    print_results(context.folder)


def _cv(words: Sequence[str]) -> None:
    options, _ = parse_fit(opt.CvOptions, words, "cv")

    from trainer.report.terminal import print_results
    from trainer.runs.setup import Command, set_up_run

    # before TensorFlow starts its threads
    if options.cpus:
        limit_threads(options.cpus)
    command = Command("cv", f"cv-{options.part}", options.model_names, options.k)
    with set_up_run(options, command) as (context, plan, folds):
        from trainer.commands.cross_validate import cross_validate

        cross_validate(context, folds, plan)
    print_results(context.folder)


def _tune(words: Sequence[str]) -> None:
    options, given = parse_fit(opt.TuneOptions, words, "tune")
    options = options.complete_search(given)

    from trainer.report.terminal import print_results
    from trainer.runs.setup import Command, set_up_run
    from trainer.tuning.sampler import optuna_version

    name = f"tune-{options.part}-{options.model}"
    command = Command(f"tune by optuna {optuna_version()}", name, [options.model])
    with set_up_run(options, command) as (context, plan, _):
        from trainer.commands.tune import search

        search(context, plan)
    print_results(context.folder)


def _eda(words: Sequence[str]) -> None:
    options = parse(opt.EdaOptions, words, "eda")
    from trainer.commands.eda import explore

    explore(options)


def _evaluate(words: Sequence[str]) -> None:
    options = parse(opt.EvaluateOptions, words, "evaluate")
    from trainer.commands.evaluate import evaluate

    evaluate(options)


def _compare(words: Sequence[str]) -> None:
    options = parse(opt.CompareOptions, words, "compare")
    from trainer.commands.compare import compare

    compare(options)


def _audit(words: Sequence[str]) -> None:
    options = parse(opt.AuditOptions, words, "audit")
    from trainer.commands.audit import audit

    audit(options)


def _predict(words: Sequence[str]) -> None:
    options = parse(opt.PredictOptions, words, "predict")
    from trainer.commands.predict import predict

    predict(options)


def _serve(words: Sequence[str]) -> None:
    options = parse(opt.ServeOptions, words, "serve")
    from trainer.commands.serve import serve

    serve(options)


def _export(words: Sequence[str]) -> None:
    options = parse(opt.ExportOptions, words, "export")
    from trainer.runs.saved.open import open_saved_run

    # first, so that a wrong folder is reported without the wait for TensorFlow
    saved_run = open_saved_run(options.run)
    note("starting TensorFlow")
    import_keras()

    from trainer.commands.export import export

    export(options, saved_run)


_COMMANDS = {
    "train": _train,
    "cv": _cv,
    "tune": _tune,
    "eda": _eda,
    "evaluate": _evaluate,
    "compare": _compare,
    "audit": _audit,
    "predict": _predict,
    "serve": _serve,
    "export": _export,
}
