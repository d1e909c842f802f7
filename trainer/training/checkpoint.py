"""Checkpoints: the state of a fit after its last finished epoch, for resuming."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.storage.sealed import open_sealed, sealed_file

Arrays = list[npt.NDArray[Any]]

_ROWS = "rows"


@dataclass(frozen=True)
class State:
    """The complete state of a fit.

    `rows` has columns as in `HISTORY_SCHEMA`; `best` are the weights of the best epoch; `current`
    are the variables of model and optimizer, empty after the fit has ended.
    """

    rows: list[dict[str, Any]]
    best: Arrays
    current: Arrays


class Checkpoint:
    """The checkpoint file of one fit, replaced atomically after every epoch."""

    def __init__(self, path: Path):
        self._path = path

    def read(self) -> State | None:
        """Return the saved state; None if the file is missing or damaged."""
        with open_sealed(self._path, self._path.name) as file:
            if file is None:
                return None
            # a pickle could run code
            with np.load(file, allow_pickle=False) as stored:
                rows = json.loads(bytes(stored[_ROWS]))
                return State(rows, _in_order(stored, "best"), _in_order(stored, "current"))

    def write(self, state: State) -> None:
        """Replace the file; after a WriteError, the previous one is unchanged."""
        arrays = {_ROWS: np.frombuffer(json.dumps(state.rows).encode(), np.uint8)}
        for name, values in (("best", state.best), ("current", state.current)):
            arrays |= {f"{name}_{index}": value for index, value in enumerate(values)}
        # the seal includes the file name, so a checkpoint of another fold or trial is rejected
        with sealed_file(self._path, self._path.name) as file:
            np.savez(file, **arrays)


def _in_order(stored: Any, name: str) -> Arrays:
    num_arrays = sum(key.startswith(f"{name}_") for key in stored.files)
    return [stored[f"{name}_{index}"] for index in range(num_arrays)]
