"""The layout with a folder for each split and label: `train/abnormal/any/folders/any.png`."""

import re
from dataclasses import dataclass, field
from typing import ClassVar

from ingest.sources.layout import (
    NO_PATIENT,
    OTHER,
    NoView,
    UnknownLayoutError,
    View,
    kind_of,
)
from ingest.sources.words import (
    LEVELS,
    SPLIT_WORDS,
    Words,
    find_patient,
    number_of,
    plain,
    read_part,
)
from shared.errors import SourceError
from shared.images.formats import has_suffix
from shared.labels import LABEL_NAMES, OTHER_PART, SPLITS, Split
from shared.printable import is_utf8
from shared.storage.store import Store

# the default levels
SPLIT_LABEL = ("split", "label")

_NO_LABEL = "images in folders with an unknown label"
_NO_PART = "images in folders whose name cannot be a body part"


@dataclass(frozen=True)
class FoldersLayout:
    """Radiographs in folders by split and label or other levels, at any depth below these.

    Attributes:
        body_part: the body part of all images, if no level is the part.
        patient: pattern searched in the folder of the patient, or without such a level in the path
            below the levels; without both, each file counts as a patient.
        levels: the meaning of each level of folders, from `ingest.sources.words.LEVELS`.
    """

    body_part: str = OTHER_PART
    patient: re.Pattern[str] | None = None
    splits: tuple[Split, ...] = SPLITS
    levels: tuple[str, ...] = SPLIT_LABEL
    words: Words = field(default_factory=Words)

    # the splits that can have index files: only MURA has them
    indexed_splits: ClassVar[tuple[Split, ...]] = ()

    @property
    def example(self) -> str:
        """The path of a view below the root."""
        names = {"split": "train", "label": "abnormal", "part": "wrist", "patient": "patient1"}
        folders = (names.get(level, f"any_{level}") for level in self.levels)
        return "/".join([*folders, "image1.png"])

    @property
    def names_patients(self) -> bool:
        """Whether paths identify patients; if not, each file counts as a patient."""
        return self.patient is not None or "patient" in self.levels

    @property
    def not_in_paths(self) -> tuple[str, ...]:
        """The fields of `View` that other sources than paths decide: the split, if it is drawn."""
        return () if "split" in self.levels else ("split",)

    def to_json(self) -> dict[str, str]:
        """Return the layout's entry in `lake.json`, from which paths can be parsed again."""
        patient = self.patient.pattern if self.patient else ""
        levels = {} if self.levels == SPLIT_LABEL else {"levels": "/".join(self.levels)}
        entry = {"name": "folders", "body_part": self.body_part, "patient": patient}
        return entry | levels | self.words.to_json()

    def find_root(self, tree: Store) -> Store:
        """Return `tree`, or its only folder, with a folder for a split at the first level.

        Raises:
            SourceError: there is no such folder, or several folders for one split.
        """
        names = tree.folders()
        if names is None:
            raise SourceError(f"Expected a folder. Received: {tree}, which is not a folder")
        if self.levels[0] != "split":
            return tree
        found = {s: [n for n in names if self._split_of(n) == s] for s in self.splits}
        for split, of_split in found.items():
            # words from the option may join folders
            if len(of_split) > 1 and self.words.splits == SPLIT_WORDS:
                raise UnknownLayoutError(
                    f"one folder for the split {split}", f"{' and '.join(of_split)} in {tree}"
                )
        if any(found.values()):
            return tree
        if len(names) == 1:
            return self.find_root(tree.below(names[0]))
        expected = [n for n, split in self.words.splits.items() if split in self.splits]
        raise UnknownLayoutError(
            f"a folder that contains {' or '.join(expected)}",
            f"{tree}, which contains none of them",
        )

    def enters(self, folder: str) -> bool:
        """Return whether to scan a folder, given its path below the root."""
        if self.levels[0] != "split":
            return True
        split = self._split_of(folder)
        return split is None or split in self.splits

    def parse(self, folder: str, name: str) -> View | NoView:
        """Parse a file's path: its folder, empty or with a trailing slash, and its name."""
        path = folder + name
        *folders, below = path.split("/", len(self.levels))
        names = dict(zip(self.levels, folders, strict=False))
        split = self._split_of(names["split"]) if "split" in names else SPLITS[0]
        if not split or len(folders) < len(self.levels) or not is_utf8(path):
            return kind_of(path)
        if (kind := kind_of(below)) is not OTHER:
            return kind
        if name.startswith(".") or not has_suffix(name):
            return OTHER
        label = self.words.labels.get(plain(names["label"]))
        if label is None:
            return NoView(_NO_LABEL, "/".join(names[key] for key in SPLIT_LABEL if key in names))
        part = read_part(names["part"]) if "part" in names else self.body_part
        if part is None:
            return NoView(_NO_PART, names["part"])
        patient = names.get("patient")
        if self.patient:
            patient = find_patient(self.patient, patient or below)
        elif patient is None:
            return View(split, part, label, number_of(path), path)
        if not patient:
            return NO_PATIENT
        # absent levels are left out, so that the default levels give the study of earlier versions
        levels = {"split": split, "part": part, "label": LABEL_NAMES[label], "patient": patient}
        known = {"label", "patient", *self.levels} & {*levels, "study"}
        study_id = "/".join((levels | names | levels)[key] for key in LEVELS if key in known)
        return View(split, part, label, number_of(patient), study_id)

    def _split_of(self, folder: str) -> Split | None:
        return self.words.splits.get(plain(folder))
