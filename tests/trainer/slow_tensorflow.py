"""Environments in which the import of TensorFlow takes as long as a test wants, and can fail."""

import os
from pathlib import Path

from tests.commands import PROJECT

_DELAY = """
import sys, time
from pathlib import Path

GATE = Path({gate!r})

class Delay:
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow":
            while not GATE.exists():
                time.sleep(0.05)
            exec(GATE.read_text())

sys.meta_path.insert(0, Delay())
"""


def delay_tensorflow(folder: Path) -> Path:
    """Return a file; with `python_path(folder)`, TensorFlow is imported only once it exists.

    The code in the file is executed before the import.
    """
    gate = folder / "gate.py"
    (folder / "sitecustomize.py").write_text(_DELAY.format(gate=str(gate)))
    return gate


def python_path(folder: Path) -> str:
    """Return a PYTHONPATH with the `sitecustomize.py` of a folder."""
    return os.pathsep.join([str(folder), str(PROJECT)])
