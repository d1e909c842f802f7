"""Start: TensorFlow and Keras, quietly, and in half of the seconds that `import keras` takes."""

import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from importlib import import_module

from shared.interruptible import interruptible

_OPTIONAL = ("IPython", "matplotlib.pyplot", "pandas", "sklearn")
"""What Keras imports where it is installed, only to know its objects; nothing here hands it any."""


def import_keras() -> None:
    """Import Keras and TensorFlow, without their chatter, which would drown what is said here."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "keras" not in sys.modules:
        with _not_installed(_OPTIONAL):
            interruptible(partial(import_module, "keras"))


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
