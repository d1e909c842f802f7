"""The layout with folders by split and label: `train/abnormal/any/folders/any.png`."""

import hashlib
import re
from dataclasses import dataclass

from ingest.sources.layout import NO_PATIENT, OTHER, NoView, View, kind_of
from shared.errors import SourceError
from shared.images.formats import has_suffix
from shared.labels import LABEL_NAMES, SPLITS, BodyPart, Split
from shared.printable import is_utf8
from shared.storage.store import Store

SPLIT_OF_FOLDER: dict[str, Split] = {
    "train": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "valid",
}
"""Split by folder name in lower case."""

LABEL_OF_FOLDER = {"negative": 0, "normal": 0, "0": 0, "positive": 1, "abnormal": 1, "1": 1}
"""Label by folder name in lower case."""

_NO_LABEL = "images in folders with an unknown label"
# 10 ** 18 - 1 fits into a signed 64-bit integer
_MAX_DIGITS = 18


@dataclass(frozen=True)
class FoldersLayout:
    """Radiographs of one body part in folders by split and label, at any depth below these.

    Attributes:
        body_part: the body part of all images.
        patient: pattern searched in the path below the label's folder; its first group, or the
            whole match if it has no group, is the patient. Without a pattern, each file counts as
            a patient.
        splits: splits to scan.
    """

    body_part: BodyPart = "other"
    patient: re.Pattern[str] | None = None
    splits: tuple[Split, ...] = SPLITS

    @property
    def example(self) -> str:
        """The path of a view below the root."""
        return "train/abnormal/image1.png"

    @property
    def indexed_splits(self) -> tuple[Split, ...]:
        """No split: only MURA has index files."""
        return ()

    @property
    def names_patients(self) -> bool:
        """Whether there is a pattern for patients."""
        return self.patient is not None

    def to_json(self) -> dict[str, str]:
        """Return the layout's entry in `lake.json`."""
        patient = self.patient.pattern if self.patient else ""
        return {"name": "folders", "body_part": self.body_part, "patient": patient}

    def find_root(self, tree: Store) -> Store:
        """Return `tree` if it has at most one folder for each split, and one for any of them."""
        names = tree.folders()
        if names is None:
            raise SourceError(f"Expected a folder. Received: {tree}, which is not a folder")
        found = {s: [n for n in names if _split_of(n) == s] for s in self.splits}
        for split, of_split in found.items():
            if len(of_split) > 1:
                raise SourceError(
                    f"Expected one folder for the split {split}. "
                    f"Received: {' and '.join(of_split)} in {tree}"
                )
        if not any(found.values()):
            expected = [n for n, split in SPLIT_OF_FOLDER.items() if split in self.splits]
            raise SourceError(
                f"Expected a folder that contains {' or '.join(expected)}. "
                f"Received: {tree}, which contains none of them"
            )
        return tree

    def enters(self, folder: str) -> bool:
        """Return whether to scan a folder, given its path below the root."""
        split = _split_of(folder)
        return split is None or split in self.splits

    def parse(self, folder: str, name: str) -> View | NoView:
        """Parse a file's path: its folder, empty or with a trailing slash, and its name.

        A patient named by digits gets that number; other names are hashed to 63 bits.
        """
        path = folder + name
        split_folder, _, rest = path.partition("/")
        label_folder, has_label, below = rest.partition("/")
        split = _split_of(split_folder)
        if not (split and has_label and is_utf8(path)):
            return kind_of(path)
        if (kind := kind_of(below)) is not OTHER:
            return kind
        if name.startswith(".") or not has_suffix(name):
            return OTHER
        label = LABEL_OF_FOLDER.get(label_folder.lower())
        if label is None:
            return NoView(_NO_LABEL, f"{split_folder}/{label_folder}")
        if not self.patient:
            return View(split, self.body_part, label, _number(path), path)
        patient = _find_patient(self.patient, below)
        if not patient:
            return NO_PATIENT
        study_id = f"{split}/{LABEL_NAMES[label]}/{patient}"
        return View(split, self.body_part, label, _number(patient), study_id)


def _split_of(folder: str) -> Split | None:
    return SPLIT_OF_FOLDER.get(folder.lower())


def _find_patient(pattern: re.Pattern[str], path: str) -> str | None:
    match = pattern.search(path)
    return match and match[1 if pattern.groups else 0]


def _number(patient: str) -> int:
    """Return a patient number that fits into a signed 64-bit integer."""
    if patient.isascii() and patient.isdigit() and len(patient.lstrip("0")) <= _MAX_DIGITS:
        return int(patient.lstrip("0") or "0")
    hashed = hashlib.blake2b(patient.encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big") >> 1
