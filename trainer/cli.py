"""The commands of trainer; each imports what it needs when it runs, so that `--help` is quick."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from shared.command_line import given_keys, parse, run
from shared.console import note
from shared.errors import UsageError

_IF_INTERRUPTED = "the same command goes on after the last finished epoch"


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
    run(_tune, "tune", "the same command goes on after the last finished trial or epoch")


def eda() -> NoReturn:
    """Run `mura-eda`."""
    run(_eda, "eda", "no page was written")


def predict() -> NoReturn:
    """Run `mura-predict`."""
    run(_predict, "predict", "nothing was kept but the heat maps that were finished")


def serve() -> NoReturn:
    """Run `mura-serve`."""
    run(_serve, "serve", "the page is closed")


def export() -> NoReturn:
    """Run `mura-export`."""
    run(_export, "export", "nothing was written")


def _main(words: Sequence[str]) -> None:
    commands = {
        "train": _train,
        "cv": _cv,
        "tune": _tune,
        "eda": _eda,
        "predict": _predict,
        "serve": _serve,
        "export": _export,
    }
    if words and words[0] in ("-h", "--help"):
        print(
            f"usage: trainer {'|'.join(commands)} [key=value ...]; trainer train --help tells more"
        )
        return
    if not words or words[0] not in commands:
        raise UsageError(f"Expected one of {', '.join(commands)}. Received: {' '.join(words[:1])}")
    commands[words[0]](words[1:])


def _train(words: Sequence[str]) -> None:
    from trainer.options import TrainOptions

    options = parse(TrainOptions, words, "train")

    from trainer.data import open_data
    from trainer.models import require_weights
    from trainer.provenance import Phases, run_key
    from trainer.split import check_batch, plan_final_fit
    from trainer.target import make_target

    require_weights([options.model], options.weights)
    phases = Phases()
    with phases.measure("open"):
        data = open_data(options)
        make_target(options.target, data.lake.manifest)
        plan = plan_final_fit(data, options.seed)
        check_batch([options.model], options, [plan])
        key = run_key("train", options, data.lake)
    with _results(options.out, f"train-{options.part}-{options.model}", key) as folder:
        from trainer.train import train

        train(options, data.lake, plan, folder, phases)


def _cv(words: Sequence[str]) -> None:
    from trainer.options import CvOptions

    options = parse(CvOptions, words, "cv")

    from trainer.data import open_data
    from trainer.hardware import limit_threads
    from trainer.models import require_weights
    from trainer.provenance import Phases, run_key
    from trainer.split import check_batch, plan_final_fit, plan_fold_fits
    from trainer.target import make_target

    require_weights(options.model_names, options.weights)
    phases = Phases()
    with phases.measure("open"):
        data = open_data(options)
        make_target(options.target, data.lake.manifest)
        plans = plan_fold_fits(data, options.k, options.seed)
        final_plan = plan_final_fit(data, options.seed)
        check_batch(options.model_names, options, [*plans, final_plan])
        key = run_key("cv", options, data.lake)
    if options.cpus:
        limit_threads(options.cpus)
    with _results(options.out, f"cv-{options.part}", key) as folder:
        from trainer.cv import cross_validate

        cross_validate(options, data.lake, plans, final_plan, folder, phases)


def _tune(words: Sequence[str]) -> None:
    from trainer.options import TuneOptions

    options = parse(TuneOptions, words, "tune").search_rest(given_keys(TuneOptions, words))

    from trainer.search.sampler import optuna_version

    sampler = f"optuna {optuna_version()}"

    from trainer.data import open_data
    from trainer.models import require_weights
    from trainer.provenance import Phases, run_key
    from trainer.split import check_batch, plan_final_fit
    from trainer.target import make_target

    require_weights([options.model], options.weights)
    phases = Phases()
    with phases.measure("open"):
        data = open_data(options)
        make_target(options.target, data.lake.manifest)
        plan = plan_final_fit(data, options.seed)
        check_batch([options.model], options, [plan])
        key = run_key(f"tune by {sampler}", options, data.lake)
    with _results(options.out, f"tune-{options.part}-{options.model}", key) as folder:
        from trainer.search.run import search

        search(options, data.lake, plan, folder, phases)


def _eda(words: Sequence[str]) -> None:
    from trainer.options import EdaOptions

    options = parse(EdaOptions, words, "eda")

    from trainer.eda.run import explore

    explore(options)


def _predict(words: Sequence[str]) -> None:
    from trainer.options import PredictOptions

    options = parse(PredictOptions, words, "predict")

    from trainer.predict.run import predict

    predict(options)


def _serve(words: Sequence[str]) -> None:
    from trainer.options import ServeOptions

    options = parse(ServeOptions, words, "serve")

    from trainer.serve.run import serve

    serve(options)


def _export(words: Sequence[str]) -> None:
    from trainer.options import ExportOptions

    options = parse(ExportOptions, words, "export")

    from trainer.kept import open_kept
    from trainer.start import import_keras

    kept = open_kept(options.run)
    note("starting TensorFlow")
    import_keras()

    from trainer.export.run import export

    export(options, kept)


@contextmanager
def _results(out: str, name: str, key: str) -> Generator[Path, None, None]:
    """Make the run folder before TensorFlow's seconds of starting; print the results after."""
    from trainer.outcome import say_result
    from trainer.run_folder import open_run_folder

    with open_run_folder(out, name, key) as folder:
        yield folder
    say_result(folder)
