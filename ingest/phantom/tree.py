"""The plan of a phantom tree: patients, studies, views, and the properties of each view."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import count

import numpy as np
import polars as pl

from ingest.phantom.counts import (
    MAX_STUDIES,
    MAX_STUDY_VIEWS,
    Cell,
    PatientCounts,
    scale_cells,
    scale_patients,
    share_patient_parts,
)
from ingest.phantom.looks import plan_looks
from ingest.phantom.random import pick, shuffle
from ingest.sources.layout import View
from shared.labels import MURA_PARTS, SPLITS, MuraPart, Split
from shared.lake import manifest

_MANIFEST_COLUMNS = ("view_id", *View._fields, "width_px", "height_px", "channels")
SCHEMA: dict[str, type[pl.DataType]] = {
    **{name: manifest.SCHEMA[name] for name in _MANIFEST_COLUMNS},
    "lesion": pl.String,
    "view_seed": pl.UInt64,
    "study_seed": pl.UInt64,
    "patient_seed": pl.UInt64,
}
"""Columns of a plan. `lesion`: kind of the visible lesion, or null."""

_Study = tuple[MuraPart, int, int]
_PatientPart = list[_Study]


def plan_tree(views: int, seed: int, parts: Sequence[MuraPart] = MURA_PARTS) -> pl.DataFrame:
    """Plan a tree: columns as in `SCHEMA`, sorted by `view_id`; 40005 views have MURA's counts."""
    rng = np.random.default_rng([seed, views])
    cells = scale_cells(views, parts)
    numbers = count(1)
    rows = [
        row
        for split in SPLITS
        for patient in _plan_patients(split, [c for c in cells if c.split == split], rng)
        for row in _plan_views(split, next(numbers), patient, seed)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("view_id")


def _plan_patients(
    split: Split, cells: list[Cell], rng: np.random.Generator
) -> list[list[_PatientPart]]:
    """Return the patients of a split: a list of body parts a patient, of studies a body part."""
    studies: dict[MuraPart, list[_Study]] = {}
    for cell in cells:
        studies.setdefault(cell.body_part, []).extend(_plan_studies(cell, rng))
    num_by_part = [len(of_part) for of_part in studies.values()]
    counts = scale_patients(split, sum(num_by_part), len(studies))
    shares = share_patient_parts(counts, num_by_part)
    pools = [
        _group_studies(of_part, share, rng)
        for of_part, share in zip(studies.values(), shares, strict=True)
    ]
    return shuffle(rng, list(_join_parts(pools, counts, rng)))


def _plan_studies(cell: Cell, rng: np.random.Generator) -> list[_Study]:
    # Poisson around the mean of the cell, within the 1 to 11 views of MURA's studies
    sizes = 1 + rng.poisson(0.9 * (cell.num_views / cell.num_studies - 1), cell.num_studies)
    sizes = np.minimum(sizes, MAX_STUDY_VIEWS)
    while missing := cell.num_views - sizes.sum():
        step = np.sign(missing)
        open_ = np.flatnonzero((sizes + step >= 1) & (sizes + step <= MAX_STUDY_VIEWS))
        sizes[rng.choice(open_, min(abs(missing), len(open_)), replace=False)] += step
    return [(cell.body_part, cell.label, int(size)) for size in sizes]


def _group_studies(
    studies: list[_Study], num_groups: int, rng: np.random.Generator
) -> list[_PatientPart]:
    shuffled = shuffle(rng, studies)
    groups = [[study] for study in shuffled[:num_groups]]
    for study in shuffled[num_groups:]:
        open_ = [g for g in groups if len(g) < MAX_STUDIES]
        pick(rng, open_).append(study)
    return groups


def _join_parts(
    pools: list[list[_PatientPart]], counts: PatientCounts, rng: np.random.Generator
) -> Iterator[list[_PatientPart]]:
    # patients with several parts first, while the pools still have patients of all parts
    for num_parts in [3] * counts.with_three_parts + [2] * counts.with_two_parts:
        left = np.array([len(pool) for pool in pools], dtype=float)
        num_parts = min(num_parts, np.count_nonzero(left))
        shares = left / left.sum()
        chosen: list[int] = rng.choice(len(pools), num_parts, replace=False, p=shares).tolist()
        yield [pools[i].pop() for i in sorted(chosen)]
    for pool in pools:
        yield from ([patient_part] for patient_part in pool)


def _plan_views(
    split: Split, number: int, patient: list[_PatientPart], seed: int
) -> Iterator[tuple[object, ...]]:
    patient_seed = _derive(seed, f"patient{number:05}")
    for patient_part in patient:
        for index, (part, label, num_views) in enumerate(patient_part, 1):
            sign = ("negative", "positive")[label]
            study_id = f"{split}/XR_{part.upper()}/patient{number:05}/study{index}_{sign}"
            study_seed = _derive(seed, study_id)
            looks = plan_looks(part, label, num_views, np.random.default_rng(study_seed))
            for image, look in enumerate(looks, 1):
                view_id = f"{study_id}/image{image}.png"
                seeds = (_derive(seed, view_id), study_seed, patient_seed)
                yield (view_id, split, part, label, number, study_id, *look, *seeds)


def _derive(seed: int, name: str) -> int:
    # from the name alone, so that other views do not change this one
    return int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "little")
