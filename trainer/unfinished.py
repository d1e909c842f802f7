"""Unfinished: what a run that is not finished says of itself in `checkpoints/run.json`."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.files import write_atomically
from shared.json_text import parse_object
from shared.regular_file import read_regular

CHECKPOINTS = "checkpoints"
RUN_FILE = "run.json"


@dataclass(frozen=True)
class Unfinished:
    """An unfinished run.

    Attributes:
        key: of all that its results depend on.
        id: tells its folder from any other.
        starts: how many processes have worked on it.
    """

    key: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    starts: int = 1


def read_unfinished(folder: Path) -> Unfinished:
    """Read the file of an unfinished run.

    Raises:
        OSError: there is no such run.
        ValueError: its file is damaged.
    """
    facts = parse_object(read_regular(folder, f"{CHECKPOINTS}/{RUN_FILE}"))
    types = {name: type(value) for name, value in facts.items()}
    if types != {"key": str, "id": str, "starts": int}:
        raise ValueError(f"Expected an unfinished run. Received: {types} in {folder}")
    return Unfinished(**facts)


def write_unfinished(folder: Path, run: Unfinished) -> None:
    """Write the file of an unfinished run.

    Raises:
        WriteError: it cannot be written.
    """
    write_atomically(folder / CHECKPOINTS / RUN_FILE, json.dumps(asdict(run)).encode())
