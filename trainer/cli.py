"""The commands of trainer; each imports what it needs when it runs, so that `--help` is quick."""

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from shared.command_line import parse, run
from shared.errors import UsageError

_IF_INTERRUPTED = "no run folder was written"


def main() -> NoReturn:
    """Run `python -m trainer train|cv`."""
    run(_main, "trainer", _IF_INTERRUPTED)


def train() -> NoReturn:
    """Run `mura-train`."""
    run(_train, "train", _IF_INTERRUPTED)


def cv() -> NoReturn:
    """Run `mura-cv`."""
    run(_cv, "cv", _IF_INTERRUPTED)


def _main(words: Sequence[str]) -> None:
    commands = {"train": _train, "cv": _cv}
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
    from trainer.run_folder import Phases
    from trainer.split import plan_final_fit

    require_weights([options.model], options.weights)
    phases = Phases()
    with phases.measure("open"):
        data = open_data(options)
        plan = plan_final_fit(data, options.seed)
    with _results(options.out, f"train-{options.part}-{options.model}") as folder:
        with phases.measure("start TensorFlow"):
            from trainer.train import train

        train(options, data.lake, plan, folder, phases)


def _cv(words: Sequence[str]) -> None:
    from trainer.options import CvOptions

    options = parse(CvOptions, words, "cv")

    from trainer.data import open_data
    from trainer.models import require_weights
    from trainer.run_folder import Phases
    from trainer.split import plan_final_fit, plan_fold_fits

    require_weights(options.candidates, options.weights)
    phases = Phases()
    with phases.measure("open"):
        data = open_data(options)
        plans = plan_fold_fits(data, options.k, options.seed)
        final_plan = plan_final_fit(data, options.seed)
    with _results(options.out, f"cv-{options.part}") as folder:
        with phases.measure("start TensorFlow"):
            from trainer.cv import cross_validate

        cross_validate(options, data.lake, plans, final_plan, folder, phases)


@contextmanager
def _results(out: str, name: str) -> Generator[Path, None, None]:
    """Make the run folder before TensorFlow's seconds of starting; print the results after."""
    from shared.console import note
    from trainer.run_folder import new_run_folder, say_result

    with new_run_folder(out, name) as folder:
        # TensorFlow's own chatter would drown what this project has to say
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        note("starting TensorFlow")
        yield folder
    say_result(folder)
