"""The commands of trainer; each imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from shared.command_line import given_keys, parse, run
from shared.console import note
from shared.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from shared.lake import Lake
    from trainer.options import CvOptions, TrainOptions
    from trainer.provenance import Phases
    from trainer.split import FitPlan

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
    name = f"train-{options.part}-{options.model}"
    with _begin(options, [options.model], "train", name) as (lake, plan, _, folder, phases):
        from trainer.train import train

        train(options, lake, plan, folder, phases)


def _cv(words: Sequence[str]) -> None:
    from trainer.options import CvOptions

    options = parse(CvOptions, words, "cv")

    from trainer.hardware import limit_threads

    if options.cpus:
        limit_threads(options.cpus)
    name = f"cv-{options.part}"
    begun = _begin(options, options.model_names, "cv", name, options.k)
    with begun as (lake, plan, folds, folder, phases):
        from trainer.cv import cross_validate

        cross_validate(options, lake, folds, plan, folder, phases)


def _tune(words: Sequence[str]) -> None:
    from trainer.options import TuneOptions

    options = parse(TuneOptions, words, "tune").search_rest(given_keys(TuneOptions, words))

    from trainer.search.sampler import optuna_version

    name, what = f"tune-{options.part}-{options.model}", f"tune by optuna {optuna_version()}"
    with _begin(options, [options.model], what, name) as (lake, plan, _, folder, phases):
        from trainer.search.run import search

        search(options, lake, plan, folder, phases)


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


class _Begun(NamedTuple):
    """What a command that fits models has before TensorFlow is started.

    Attributes:
        lake: where the views' pixels are.
        plan: of the fit to all of train.
        folds: plans of the folds, if there are any.
        folder: of the run.
        phases: of the run so far.
    """

    lake: Lake
    plan: FitPlan
    folds: list[FitPlan]
    folder: Path
    phases: Phases


@contextmanager
def _begin(
    options: TrainOptions | CvOptions,
    model_names: Sequence[str],
    what: str,
    name: str,
    num_folds: int = 0,
) -> Generator[_Begun, None, None]:
    """Refuse what cannot work before TensorFlow's seconds of starting; print the results after.

    Args:
        options: of the command.
        model_names: keys of `trainer.models.MODELS`.
        what: the command, as its run is told from those of others.
        name: of its run folder.
        num_folds: how many there are, if any.
    """
    from trainer.data import open_data
    from trainer.models import require_weights
    from trainer.outcome import say_result
    from trainer.provenance import Phases, run_key
    from trainer.run_folder import open_run_folder
    from trainer.split import check_batch, plan_final_fit, plan_fold_fits
    from trainer.target import make_target

    require_weights(model_names, options.weights)
    phases = Phases()
    with phases.measure("open"):
        data = open_data(options)
        make_target(options.target, data.lake.manifest)
        folds = plan_fold_fits(data, num_folds, options.seed) if num_folds else []
        plan = plan_final_fit(data, options.seed)
        check_batch(model_names, options, [*folds, plan])
        key = run_key(what, options, data.lake)
    with open_run_folder(options.out, name, key) as folder:
        yield _Begun(data.lake, plan, folds, folder, phases)
    say_result(folder)
