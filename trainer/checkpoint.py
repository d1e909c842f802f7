"""Checkpoint: where a fit stands after its last finished epoch, so that a killed run goes on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.sealed import open_sealed, sealed_file

Arrays = list[npt.NDArray[Any]]

_ROWS = "rows"


@dataclass(frozen=True)
class State:
    """Everything that the rest of a fit depends on.

    Attributes:
        rows: of the epochs so far, columns as in `trainer.history.HISTORY_SCHEMA`.
        best: the weights of the best epoch.
        current: what the model and its optimizer hold now; empty once the fit has ended.
    """

    rows: list[dict[str, Any]]
    best: Arrays
    current: Arrays


class Checkpoint:
    """The file of one fit's state, which is replaced whole after every epoch.

    Args:
        path: of the file; it may be missing.
    """

    def __init__(self, path: Path):
        self._path = path

    def read(self) -> State | None:
        """Return the state, or None where there is no whole file: the fit begins anew."""
        with open_sealed(self._path, self._path.name) as file:
            if file is None:
                return None
            with np.load(file, allow_pickle=False) as stored:
                rows = json.loads(bytes(stored[_ROWS]))
                return State(rows, _in_order(stored, "best"), _in_order(stored, "current"))

    def write(self, state: State) -> None:
        """Replace the file.

        Raises:
            WriteError: it cannot be written; the one before stays.
        """
        arrays = {_ROWS: np.frombuffer(json.dumps(state.rows).encode(), np.uint8)}
        for name, values in (("best", state.best), ("current", state.current)):
            arrays |= _numbered(name, values)
        # sealed under its name, so that the state of another fold or trial is never taken for it
        with sealed_file(self._path, self._path.name) as file:
            np.savez(file, **arrays)


def _numbered(name: str, values: Sequence[npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {f"{name}_{index}": value for index, value in enumerate(values)}


def _in_order(stored: Any, name: str) -> Arrays:
    num_arrays = sum(key.startswith(f"{name}_") for key in stored.files)
    return [stored[f"{name}_{index}"] for index in range(num_arrays)]
