"""MURA's layout: `train/XR_WRIST/patient00001/study1_positive/image1.png`."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import cast

from ingest.sources.layout import NoView, View, kind_of
from shared.errors import SourceError
from shared.labels import MURA_PARTS, SPLITS, MuraPart, Split
from shared.storage.store import Store

# 18 digits fit into a signed 64-bit patient number
_STUDY = re.compile(
    rf"(?P<study_id>(?P<split>{'|'.join(SPLITS)})/XR_(?P<part>{'|'.join(MURA_PARTS).upper()})"
    r"/patient(?P<patient>\d{1,18})/study\d+_(?P<label>positive|negative))/",
    re.ASCII,
)
_IMAGE = re.compile(r"image\d+\.png", re.ASCII)
_INDEX_FILE = re.compile(r"(train|valid)_(image_paths|labeled_studies)\.csv")
_INDEX = NoView("index files")


@dataclass(frozen=True)
class MuraLayout:
    """MURA, or some of its body parts and splits; folders of the others are not scanned.

    Attributes:
        parts: body parts to scan.
        splits: splits to scan.
    """

    parts: tuple[MuraPart, ...] = MURA_PARTS
    splits: tuple[Split, ...] = SPLITS
    _skipped: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        wanted = set(product(self.splits, self.parts))
        others = set(product(SPLITS, MURA_PARTS)) - wanted
        skipped = {f"{split}/XR_{part.upper()}" for split, part in others}
        # the dataclass is frozen, so a derived field cannot be assigned directly
        object.__setattr__(self, "_skipped", skipped | (set(SPLITS) - set(self.splits)))

    @property
    def example(self) -> str:
        """The path of a view below the root."""
        return "train/XR_WRIST/patient00001/study1_positive/image1.png"

    @property
    def indexed_splits(self) -> tuple[Split, ...]:
        """The splits that can have index files."""
        return self.splits

    @property
    def names_patients(self) -> bool:
        """True: MURA's paths contain the patient."""
        return True

    def to_json(self) -> dict[str, str]:
        """Return the layout's entry in `lake.json`."""
        return {"name": "mura"}

    def find_root(self, tree: Store) -> Store:
        """Return the folder that contains the splits: `tree` or the MURA folder in it."""
        folders = tree.folders()
        if folders is None:
            raise SourceError(
                "Expected the folder MURA-v1.1 or its parent. "
                f"Received: {tree}, which is not a folder"
            )
        # other versions and suffixes are accepted, but MURA-v1.1 has priority
        of_mura = [name for name in folders if name.startswith("MURA-v1")]
        for name in ("", *sorted(of_mura, key=lambda name: name != "MURA-v1.1")):
            if any(split in (tree.folders(name) or []) for split in self.splits):
                return tree.below(name) if name else tree
        raise SourceError(
            f"Expected a folder that contains {' or '.join(self.splits)}, or MURA-v1.1. "
            f"Received: {tree}, which contains none of them"
        )

    def enters(self, folder: str) -> bool:
        """Return whether to scan a folder, given its path below the root."""
        return folder not in self._skipped

    def parse(self, folder: str, name: str) -> View | NoView:
        """Parse a file's path: its folder, empty or with a trailing slash, and its name.

        MURA numbers patients across body parts, so the same number is the same patient.
        """
        view = _parse_study(folder)
        if view and _IMAGE.fullmatch(name):
            return view
        return _INDEX if _INDEX_FILE.fullmatch(folder + name) else kind_of(folder + name)


# the files of a folder arrive consecutively, so one entry is enough
@lru_cache(maxsize=1)
def _parse_study(folder: str) -> View | None:
    match = _STUDY.fullmatch(folder)
    if not match:
        return None
    split, part = cast("Split", match["split"]), cast("MuraPart", match["part"].lower())
    label = int(match["label"] == "positive")
    return View(split, part, label, int(match["patient"]), match["study_id"])
