"""MURA's layout: `train/XR_WRIST/patient00001/study1_positive/image1.png`."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import cast

from ingest.sources.layout import NoView, UnknownLayoutError, View, kind_of
from shared.errors import SourceError
from shared.images.formats import SUFFIXES
from shared.labels import MURA_PARTS, SPLITS, MuraPart, Split
from shared.storage.store import Store

# 18 digits fit into a signed 64-bit patient number
_STUDY = re.compile(
    rf"(?P<study_id>(?P<split>{'|'.join(SPLITS)})/XR_(?P<part>{'|'.join(MURA_PARTS)})"
    r"/patient(?P<patient>\d{1,18})/study\d+(?:_(?P<label>positive|negative))?)/",
    # copies in circulation have folders such as Train
    re.ASCII | re.IGNORECASE,
)
# and views that were saved again as JPEG
_IMAGE = re.compile(rf"image\d+({'|'.join(map(re.escape, SUFFIXES))})", re.ASCII | re.IGNORECASE)
LABEL_FROM_FOLDER, LABEL_FROM_INDEX = "folder", "index"
_INDEX_FILE = re.compile(r"(train|valid)_(image_paths|labeled_studies)\.csv")
_INDEX = NoView("index files")
_NO_LABEL = NoView(
    "images of studies without a label in their name (label_from=index or label_from=FILE.csv)"
)
# depth at which MURA is searched below ROOT
_MAX_DEPTH = 2
# folders searched at each level; a listing of an object store is slow
_MAX_SEARCHED = 50


@dataclass(frozen=True)
class MuraLayout:
    """MURA, or some of its body parts and splits; folders of the others are not scanned."""

    parts: tuple[MuraPart, ...] = MURA_PARTS
    splits: tuple[Split, ...] = SPLITS
    # folder, index, or the name of a table
    label_from: str = LABEL_FROM_FOLDER
    example = "train/XR_WRIST/patient00001/study1_positive/image1.png"
    names_patients = True

    @cached_property
    def _skipped(self) -> frozenset[str]:
        others = {*product(SPLITS, MURA_PARTS)} - {*product(self.splits, self.parts)}
        folders = {f"{split}/xr_{part}" for split, part in others}
        return frozenset(folders | ({*SPLITS} - {*self.splits}))

    @property
    def indexed_splits(self) -> tuple[Split, ...]:
        """The splits that can have index files."""
        return self.splits

    @property
    def not_in_paths(self) -> tuple[str, ...]:
        """The label, if it is not from the folder."""
        return () if self.label_from == LABEL_FROM_FOLDER else ("label",)

    def to_json(self) -> dict[str, str]:
        """Return the layout's entry in `lake.json`."""
        labels = {"label_from": self.label_from} if self.not_in_paths else {}
        return {"name": "mura", **labels}

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
            if self._split_folders(tree, name):
                return tree.below(name) if name else tree
        found = self._search(tree, "", _MAX_DEPTH)
        if len(found) == 1:
            return tree.below(found[0])
        raise UnknownLayoutError(
            f"a folder that contains {' or '.join(self.splits)}, or MURA-v1.1",
            f"{tree}, which contains {', '.join(found) or 'none of them'}",
        )

    def _split_folders(self, tree: Store, path: str) -> list[str]:
        return [name for name in tree.folders(path) or [] if name.lower() in self.splits]

    def _search(self, tree: Store, path: str, depth: int) -> list[str]:
        found: list[str] = []
        for name in (tree.folders(path) or [])[:_MAX_SEARCHED]:
            folder = f"{path}/{name}" if path else name
            splits = self._split_folders(tree, folder)
            below = [n.upper() for s in splits for n in tree.folders(f"{folder}/{s}") or []]
            if any(n.startswith("XR_") for n in below):
                found.append(folder)
            elif depth > 1:
                found += self._search(tree, folder, depth - 1)
        return found

    def enters(self, folder: str) -> bool:
        """Return whether to scan a folder, given its path below the root."""
        return folder.lower() not in self._skipped

    def parse(self, folder: str, name: str) -> View | NoView:
        """Parse a file's path: its folder, empty or with a trailing slash, and its name."""
        view = _parse_study(folder)
        if view and _IMAGE.fullmatch(name):
            return _NO_LABEL if view.label is None and not self.not_in_paths else view
        return _INDEX if _INDEX_FILE.fullmatch(folder + name) else kind_of(folder + name)


# the files of a folder arrive consecutively, so one entry is enough
@lru_cache(maxsize=1)
def _parse_study(folder: str) -> View | None:
    match = _STUDY.fullmatch(folder)
    if not match:
        return None
    split, sign = cast("Split", match["split"].lower()), match["label"]
    label = int(sign.lower() == "positive") if sign else None
    # MURA numbers patients across body parts, so the same number is the same patient
    return View(split, match["part"].lower(), label, int(match["patient"]), match["study_id"])
