"""Import TensorFlow and Keras late, without log output, in half the time of `import keras`."""

import logging
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainer.interruptible import interruptible

# packages that Keras imports only to recognize their objects, which never occur here
_OPTIONAL = ("IPython", "matplotlib.pyplot", "pandas", "sklearn")


# Environment variables of Keras. Like `keras.json`, they could change its precision or order of
# axes, and thereby results.
_SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    # no folder can be created under os.devnull, so Keras neither reads nor writes a keras.json
    "KERAS_HOME": f"{os.devnull}/keras",
    "KERAS_MAX_EPOCHS": None,
    "KERAS_MAX_STEPS_PER_EPOCH": None,
    "KERAS_NNX_ENABLED": None,
}


def import_keras() -> None:
    """Import Keras and TensorFlow without log messages, and without the user's Keras settings."""
    # 3: only fatal messages of TensorFlow's C++ code
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # by default TensorFlow reserves the whole memory of a GPU, and a second fit finds none
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "keras" not in sys.modules:
        with _environment(_SETTINGS), _not_installed(_OPTIONAL):
            interruptible(partial(import_module, "keras"))


@contextmanager
def _environment(settings: Mapping[str, str | None]) -> Generator[None, None, None]:
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
    hidden = [name for name in packages if name not in sys.modules]
    # the import system raises ModuleNotFoundError for a None entry in sys.modules
    sys.modules.update(dict.fromkeys(hidden))  # pyright: ignore[reportCallIssue, reportArgumentType]  # typed without it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


if TYPE_CHECKING:
    import keras as keras  # pyright: ignore[reportMissingTypeStubs]  # it has none
else:

    class _LateKeras:
        """The module `keras`, imported at its first use, so that other modules load in no time."""

        def __getattr__(self, name: str) -> Any:
            import_keras()
            return getattr(import_module("keras"), name)

    keras = _LateKeras()
