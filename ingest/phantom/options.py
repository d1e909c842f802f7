"""The options of the phantom generator; importing them costs nothing heavy."""

import os
from dataclasses import dataclass, field
from typing import Literal

from shared.errors import UsageError
from shared.store import as_path
from shared.vocabulary import MuraPart

MIN_VIEWS = 28
"""One view of each split, body part and label: with fewer, a tree is not shaped like MURA."""

_MAX_VIEWS = 300_000
"""Patients are numbered with five digits."""


@dataclass(frozen=True)
class PhantomOptions:
    """Draw phantom radiographs in MURA's layout, with MURA's index files.

    The same seed gives the same bytes. With views=40005 the counts by split, body part, label,
    study and patient are MURA's own; other numbers are scaled from them.

    just phantom

    just phantom out=big views=40005

    just phantom views=1560 part=humerus
    """

    out: str = "phantom"
    """The folder to write MURA-v1.1 and lesions.csv into."""
    views: int = 600
    """How many radiographs to draw."""
    part: Literal["all", MuraPart] = "all"
    """Draw one body part only; views=1560 of the humerus are as many as MURA has."""
    seed: int = 0
    """Another seed draws other patients."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes that draw; the tree is the same for any number."""

    def __post_init__(self) -> None:
        as_path("out", self.out)
        if not MIN_VIEWS <= self.views <= _MAX_VIEWS:
            raise UsageError(
                f"Expected {MIN_VIEWS} to {_MAX_VIEWS} views. Received: views={self.views}"
            )
        if self.seed < 0:
            raise UsageError(f"Expected a seed of 0 or more. Received: seed={self.seed}")
        if self.workers < 1:
            raise UsageError(f"Expected at least one worker. Received: workers={self.workers}")
