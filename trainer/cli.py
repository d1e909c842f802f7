"""The commands of trainer. Imports are inside the functions, so `--help` is quick."""

from __future__ import annotations

from shared.entry import TYPE_CHECKING, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_IF_INTERRUPTED = "run the same command again to resume after the last finished epoch"


def main() -> NoReturn:
    """Run `python -m trainer COMMAND`."""
    run(_main, "trainer", _IF_INTERRUPTED)


def train() -> NoReturn:
    """Run `mura-train`."""
    run(_train, "train", _IF_INTERRUPTED)


def cv() -> NoReturn:
    """Run `mura-cv`."""
    run(_cv, "cv", _IF_INTERRUPTED)


def tune() -> NoReturn:
    """Run `mura-tune`."""
    run(_tune, "tune", _IF_INTERRUPTED)


def eda() -> NoReturn:
    """Run `mura-eda`."""
    run(_eda, "eda", "no page was written")


def evaluate() -> NoReturn:
    """Run `mura-evaluate`."""
    run(_evaluate, "evaluate", "no results were written")


def compare() -> NoReturn:
    """Run `mura-compare`."""
    run(_compare, "compare", "no page was written")


def audit() -> NoReturn:
    """Run `mura-audit`."""
    run(_audit, "audit", "no page was written")


def predict() -> NoReturn:
    """Run `mura-predict`."""
    run(_predict, "predict", "no predictions were printed; finished heat maps remain")


def serve() -> NoReturn:
    """Run `mura-serve`."""
    run(_serve, "serve", "the server has stopped")


def export() -> NoReturn:
    """Run `mura-export`."""
    run(_export, "export", "no export was written")


def _main(args: Sequence[str]) -> None:
    commands = {
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
    if args and args[0] in ("-h", "--help"):
        from shared.console import delivering

        with delivering(needs_all=False):
            print(
                f"usage: trainer {'|'.join(commands)} [key=value ...]; "
                "trainer COMMAND --help lists the options"
            )
        return
    if not args or args[0] not in commands:
        from shared.errors import UsageError

        raise UsageError(f"Expected one of {', '.join(commands)}. Received: {' '.join(args[:1])}")
    commands[args[0]](args[1:])


def _train(args: Sequence[str]) -> None:
    from trainer.options import TrainOptions
    from trainer.runs.fit_options import parse_fit

    options, _ = parse_fit(TrainOptions, args, "train")

    from trainer.report.terminal import print_results
    from trainer.runs.setup import Command, set_up_run

    command = Command("train", f"train-{options.part}-{options.model}", [options.model])
    with set_up_run(options, command) as (context, plan, _):
        from trainer.commands.train import train

        train(context, plan)
    print_results(context.folder)


def _cv(args: Sequence[str]) -> None:
    from trainer.options import CvOptions
    from trainer.runs.fit_options import parse_fit

    options, _ = parse_fit(CvOptions, args, "cv")

    from trainer.report.terminal import print_results
    from trainer.runs.hardware import limit_threads
    from trainer.runs.setup import Command, set_up_run

    if options.cpus:
        limit_threads(options.cpus)
    command = Command("cv", f"cv-{options.part}", options.model_names, options.k)
    with set_up_run(options, command) as (context, plan, folds):
        from trainer.commands.cross_validate import cross_validate

        cross_validate(context, folds, plan)
    print_results(context.folder)


def _tune(args: Sequence[str]) -> None:
    from trainer.options import TuneOptions
    from trainer.runs.fit_options import parse_fit

    options, given = parse_fit(TuneOptions, args, "tune")
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


def _eda(args: Sequence[str]) -> None:
    from shared.command_line import parse
    from trainer.options import EdaOptions

    options = parse(EdaOptions, args, "eda")

    from trainer.commands.eda import explore

    explore(options)


def _evaluate(args: Sequence[str]) -> None:
    from shared.command_line import parse
    from trainer.options import EvaluateOptions

    options = parse(EvaluateOptions, args, "evaluate")

    from trainer.commands.evaluate import evaluate

    evaluate(options)


def _compare(args: Sequence[str]) -> None:
    from shared.command_line import parse
    from trainer.options import CompareOptions

    options = parse(CompareOptions, args, "compare")

    from trainer.commands.compare import compare

    compare(options)


def _audit(args: Sequence[str]) -> None:
    from shared.command_line import parse
    from trainer.options import AuditOptions

    options = parse(AuditOptions, args, "audit")

    from trainer.commands.audit import audit

    audit(options)


def _predict(args: Sequence[str]) -> None:
    from shared.command_line import parse
    from trainer.options import PredictOptions

    options = parse(PredictOptions, args, "predict")

    from trainer.commands.predict import predict

    predict(options)


def _serve(args: Sequence[str]) -> None:
    from shared.command_line import parse
    from trainer.options import ServeOptions

    options = parse(ServeOptions, args, "serve")

    from trainer.commands.serve import serve

    serve(options)


def _export(args: Sequence[str]) -> None:
    from shared.command_line import parse
    from shared.console import note
    from trainer.options import ExportOptions

    options = parse(ExportOptions, args, "export")

    from trainer.keras_import import import_keras
    from trainer.runs.saved.open import open_saved_run

    saved_run = open_saved_run(options.run)
    note("starting TensorFlow")
    import_keras()

    from trainer.commands.export import export

    export(options, saved_run)
