"""The record of an unfinished run in `checkpoints/run.json`."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.storage.atomic import write_atomically
from shared.storage.json_text import parse_object
from shared.storage.regular_file import read_regular

CHECKPOINTS = "checkpoints"
RUN_FILE = "run.json"


@dataclass(frozen=True)
class Unfinished:
    """An unfinished run."""

    # as from `trainer.runs.provenance.run_key`
    key: str
    # distinguishes folders of the same path on several machines
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    # processes that have worked on it
    starts: int = 1


def read_unfinished(folder: Path) -> Unfinished | None:
    """Read the record of an unfinished run; None if it is missing or damaged."""
    try:
        facts = parse_object(read_regular(folder, f"{CHECKPOINTS}/{RUN_FILE}"))
    except (OSError, ValueError):
        return None
    types: dict[str, type[object]] = {name: type(value) for name, value in facts.items()}
    return Unfinished(**facts) if types == {"key": str, "id": str, "starts": int} else None


def write_unfinished(folder: Path, run: Unfinished) -> None:
    """Write the record of an unfinished run."""
    write_atomically(folder / CHECKPOINTS / RUN_FILE, json.dumps(asdict(run)).encode())
