"""TensorFlow is started without what nobody asked for, which may still be asked for later."""

import subprocess
import sys

from tests.commands import PROJECT

START = """
import sys
from trainer.keras_import import import_keras

import_keras()
heavy = {"IPython", "matplotlib.pyplot", "pandas", "sklearn"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
import matplotlib.pyplot, pandas, sklearn
import keras
print(keras.backend.backend())
"""


def test_what_keras_does_without_is_imported_only_when_asked_for() -> None:
    command = [sys.executable, "-c", START]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert (result.returncode, result.stdout, result.stderr) == (0, "tensorflow\n", "")
