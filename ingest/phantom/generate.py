"""The phantom command: a tree of synthetic radiographs in MURA's layout, with index files."""

import shutil
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import polars as pl

from ingest.phantom.drawing.image import View
from ingest.phantom.options import PhantomOptions
from ingest.phantom.tree import plan_tree
from ingest.phantom.write import Lesion, write_views
from shared.console import say
from shared.errors import SourceError
from shared.labels import MURA_PARTS, SPLITS
from shared.progress import Progress
from shared.storage.store import as_path

ROOT_NAME = "MURA-v1.1"
LESIONS_FILE = "lesions.csv"

_PARTIAL_NAME = f".{ROOT_NAME}.partial"


def generate(options: PhantomOptions) -> Path:
    """Draw a tree of phantom radiographs with index files, and `lesions.csv` next to the tree.

    Returns:
        The folder MURA-v1.1.

    Raises:
        SourceError: the folder MURA-v1.1 exists already.
        WorkerError: a worker process died.
        OSError: the tree cannot be written.
    """
    started_s = time.monotonic()
    out = as_path("out", options.out)
    root, partial = out / ROOT_NAME, out / _PARTIAL_NAME
    _refuse_existing(root)
    if partial.exists():
        shutil.rmtree(partial)
    parts = MURA_PARTS if options.part == "all" else (options.part,)
    plan = plan_tree(options.views, options.seed, parts)
    try:
        _write_index(plan, partial)
        lesions = _write_images(plan, partial, options.workers)
        _write_lines(out / LESIONS_FILE, _lesion_lines(lesions))
        # last, so a folder of that name is complete
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    say(f"{_describe(plan)}, in {time.monotonic() - started_s:,.0f} s: {root}")
    return root


def _refuse_existing(root: Path) -> None:
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise SourceError(
            f"Expected a folder without {ROOT_NAME}; choose another or remove it. "
            f"Received: out={root.parent}, which contains one"
        )


def _write_index(plan: pl.DataFrame, root: Path) -> None:
    for split in SPLITS:
        views = plan.filter(split=split)
        studies = views.select("study_id", "label").unique().sort("study_id")
        for study_id in studies["study_id"]:
            (root / study_id).mkdir(parents=True)
        paths = (f"{ROOT_NAME}/{view_id}" for view_id in views["view_id"])
        _write_lines(root / f"{split}_image_paths.csv", paths)
        labels = (f"{ROOT_NAME}/{study_id}/,{label}" for study_id, label in studies.iter_rows())
        _write_lines(root / f"{split}_labeled_studies.csv", labels)


def _write_images(plan: pl.DataFrame, root: Path, workers: int) -> list[Lesion]:
    views = [View(*row) for row in plan.select(View._fields).iter_rows()]
    lesions: list[Lesion] = []
    with (
        Progress("draw", len(views)) as progress,
        closing(write_views(views, root, workers)) as written,
    ):
        for num_written, found in written:
            lesions.extend(found)
            progress.advance(num_written)
    return sorted(lesions)


def _lesion_lines(lesions: list[Lesion]) -> list[str]:
    return [",".join(Lesion._fields), *(",".join(map(str, lesion)) for lesion in lesions)]


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    # "\n" on every platform, so that the bytes are the same
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _describe(plan: pl.DataFrame) -> str:
    num_studies, num_patients = plan["study_id"].n_unique(), plan["patient_id"].n_unique()
    abnormal = plan["label"].mean()
    assert isinstance(abnormal, float)
    return (
        f"{plan.height:,} views of {num_studies:,} studies and {num_patients:,} patients, "
        f"{100 * abnormal:.0f} % abnormal"
    )
