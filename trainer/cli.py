"""The commands of trainer; each imports what it needs when it runs, so that `--help` is quick."""

import os
from collections.abc import Sequence
from typing import NoReturn

from shared.command_line import parse, run
from shared.errors import UsageError


def main() -> NoReturn:
    """Run `python -m trainer train|cv`."""
    run(_main, "trainer")


def train() -> NoReturn:
    """Run `mura-train`."""
    run(_train, "train")


def cv() -> NoReturn:
    """Run `mura-cv`."""
    run(_cv, "cv")


def _main(words: Sequence[str]) -> None:
    commands = {"train": _train, "cv": _cv}
    if not words or words[0] not in commands:
        raise UsageError(f"Expected one of {', '.join(commands)}. Received: {' '.join(words[:1])}")
    commands[words[0]](words[1:])


def _train(words: Sequence[str]) -> None:
    from trainer.options import TrainOptions

    options = parse(TrainOptions, words, "train")

    from trainer.data import open_data

    data = open_data(options)
    _announce_tensorflow()

    from trainer.train import train

    train(options, data)


def _cv(words: Sequence[str]) -> None:
    from trainer.options import CvOptions

    options = parse(CvOptions, words, "cv")

    from trainer.data import open_data

    data = open_data(options)
    _announce_tensorflow()

    from trainer.cv import cross_validate

    cross_validate(options, data)


def _announce_tensorflow() -> None:
    """Say why nothing happens for some seconds, and keep TensorFlow's own chatter out."""
    from shared.console import note

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    note("starting TensorFlow")
