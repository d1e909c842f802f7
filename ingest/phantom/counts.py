"""MURA's numbers of views, studies and patients, and their scaling to smaller phantoms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.labels import SPLITS, MuraPart, Split

# of one study, and of one patient and body part, as in MURA
MAX_STUDY_VIEWS, MAX_STUDIES = 11, 4

# of train, then of valid: views and studies, each normal and abnormal; views as in MURA's index
# files, studies as in table 1 of Rajpurkar et al. 2017, arXiv:1712.06957
_COUNTS = {
    "elbow": (((2925, 2006), (1094, 660)), ((235, 230), (92, 66))),
    "finger": (((3138, 1968), (1280, 655)), ((214, 247), (92, 83))),
    "forearm": (((1164, 661), (590, 287)), ((150, 151), (69, 64))),
    "hand": (((4059, 1484), (1497, 521)), ((271, 189), (101, 66))),
    "humerus": (((673, 599), (321, 271)), ((148, 140), (68, 67))),
    "shoulder": (((4211, 4168), (1364, 1457)), ((285, 278), (99, 95))),
    "wrist": (((5765, 3987), (2134, 1326)), ((364, 295), (140, 97))),
}

# patients, those with several parts, and those with three; the index files give the first two for
# train and the first for valid, the others are chosen for plausible numbers of studies a patient
_PATIENTS: dict[Split, tuple[int, int, int]] = {
    "train": (11184, 1467, 147),
    "valid": (783, 180, 20),
}


@dataclass(frozen=True)
class Cell:
    """The counts of one split, body part and label."""

    split: Split
    body_part: MuraPart
    label: int
    num_views: int
    num_studies: int


@dataclass(frozen=True)
class PatientCounts:
    """The number of patients of a split: all, with two body parts, and with three."""

    all: int
    with_two_parts: int
    with_three_parts: int

    @property
    def patient_parts(self) -> int:
        """The number of pairs of a patient and a body part."""
        return self.all + self.with_two_parts + 2 * self.with_three_parts


def scale_cells(num_views: int, parts: Sequence[MuraPart]) -> list[Cell]:
    """Distribute `num_views` in MURA's proportions, at least one a cell, by largest remainder."""
    keys: list[tuple[Split, MuraPart, int]] = [
        (s, p, label) for s in SPLITS for p in parts for label in (0, 1)
    ]
    views, studies = np.array(
        [[c[label] for c in _COUNTS[p][SPLITS.index(s)]] for s, p, label in keys]
    ).T
    scaled = _share_out(num_views, views)
    scaled_studies = np.clip(np.rint(scaled * studies / views), 1, scaled).astype(int)
    return [
        Cell(split, part, label, int(n), int(k))
        for (split, part, label), n, k in zip(keys, scaled, scaled_studies, strict=True)
    ]


def _share_out(total: int, weights: NDArray[np.int_]) -> NDArray[np.int_]:
    quotas = total * weights / weights.sum()
    counts = np.maximum(np.floor(quotas).astype(int), 1)
    for _ in range(total - counts.sum()):
        counts[np.argmax(quotas - counts)] += 1
    while counts.sum() > total:
        counts[np.argmax(np.where(counts > 1, counts - quotas, -np.inf))] -= 1
    return counts


def scale_patients(split: Split, num_studies: int, num_parts: int) -> PatientCounts:
    """Return the numbers of patients for `num_studies` studies, in MURA's proportions."""
    patients, several, three = _PATIENTS[split]
    total = sum(sum(counts[SPLITS.index(split)][1]) for counts in _COUNTS.values())
    ratio = num_studies / total
    if num_parts == 1:
        patients, several, three = patients + several + three, 0, 0
    patients = max(1, round(patients * ratio))
    several = min(round(several * ratio), num_studies - patients)
    three = min(round(three * ratio), num_studies - patients - several)
    return PatientCounts(patients, several - three, three)


def share_patient_parts(counts: PatientCounts, studies_by_part: Sequence[int]) -> list[int]:
    """Distribute a split's pairs of patient and part over its parts, in proportion to studies."""
    studies = np.array(studies_by_part)
    shares = np.minimum(_share_out(counts.patient_parts, studies), studies)
    # each pair needs a study, so pairs beyond a part's studies move to other parts
    while shares.sum() < counts.patient_parts:
        shares[np.argmax(studies - shares)] += 1
    return shares.tolist()
