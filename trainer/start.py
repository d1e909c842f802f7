"""Start: TensorFlow and Keras, quietly, and in half of the seconds that `import keras` takes."""

import logging
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module

from shared.interruptible import interruptible

_OPTIONAL = ("IPython", "matplotlib.pyplot", "pandas", "sklearn")
"""What Keras imports where it is installed, only to know its objects; nothing here hands it any."""


_SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    # no folder can be made there, so that Keras neither reads nor writes a keras.json
    "KERAS_HOME": f"{os.devnull}/keras",
    "KERAS_MAX_EPOCHS": None,
    "KERAS_MAX_STEPS_PER_EPOCH": None,
    "KERAS_NNX_ENABLED": None,
}
"""Keras takes them from the environment, and more from the user's `keras.json` (the precision, the
order of axes): results would silently be others, or none."""


def import_keras() -> None:
    """Import Keras and TensorFlow, without their chatter, which would drown what is said here.

    Keras starts with its defaults and TensorFlow, whatever the user has set for other programs.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "keras" not in sys.modules:
        with _environment(_SETTINGS), _not_installed(_OPTIONAL):
            interruptible(partial(import_module, "keras"))


@contextmanager
def _environment(settings: Mapping[str, str | None]) -> Generator[None, None, None]:
    """Set variables of the environment, or remove those that are None; restore all after."""
    before = {name: os.environ.get(name) for name in settings}
    _set(settings)
    try:
        yield
    finally:
        _set(before)


def _set(settings: Mapping[str, str | None]) -> None:
    for name, value in settings.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _not_installed(packages: tuple[str, ...]) -> Generator[None, None, None]:
    """Have imports of packages fail, unless they were imported before."""
    hidden = [name for name in packages if name not in sys.modules]
    # what Python's import system takes for a module that is not to be found
    sys.modules.update(dict.fromkeys(hidden))  # pyright: ignore[reportCallIssue, reportArgumentType]  # typed without it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
