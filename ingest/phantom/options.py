"""The options of the phantom generator; importing them loads no image or table library."""

import os
from dataclasses import dataclass, field
from typing import Literal

from shared.errors import UsageError
from shared.labels import MuraPart
from shared.storage.store import as_path

# one view of each split, body part and label (2 * 7 * 2), as in MURA
MIN_VIEWS = 28

# patients are numbered with five digits
_MAX_VIEWS = 300_000


@dataclass(frozen=True)
class PhantomOptions:
    """Draw synthetic radiographs in MURA's layout, with MURA's index files.

    The same seed gives the same bytes. With views=40005 the counts by split, body part, label,
    study and patient equal MURA's; other numbers are scaled from them.

    just phantom

    just phantom out=big views=40005

    just phantom views=1560 part=humerus
    """

    out: str = "phantom"
    """Folder to write MURA-v1.1 and lesions.csv into."""
    views: int = 600
    """Number of radiographs, 28 to 300000."""
    part: Literal["all", MuraPart] = "all"
    """Body part to draw; MURA has 1560 views of the humerus."""
    seed: int = 0
    """Seed of the patients and their radiographs, 0 or more."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Number of drawing processes, 1 or more; it does not change the tree. By default one per
    core."""

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
