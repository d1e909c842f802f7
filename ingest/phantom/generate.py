"""The phantom command: a tree of synthetic radiographs in MURA's layout, with index files."""

import shutil
import time
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
        SourceError: the folder MURA-v1.1 exists already, and is not empty.
        WorkerError: a worker process died.
        OSError: the tree cannot be written.
    """
    started_s = time.monotonic()
    out = as_path("out", options.out)
    root, partial = out / ROOT_NAME, out / _PARTIAL_NAME
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise SourceError(
            f"Expected a folder without {ROOT_NAME}; choose another or remove it. "
            f"Received: out={out}, which contains one"
        )
    if partial.exists():
        shutil.rmtree(partial)
    parts = MURA_PARTS if options.part == "all" else (options.part,)
    plan = plan_tree(options.views, options.seed, parts)
    try:
        _write_index(plan, partial)
        lesions = _write_images(plan, partial, options.workers)
        pl.DataFrame(lesions, Lesion._fields, orient="row").write_csv(out / LESIONS_FILE)
        # last, so a folder of that name is complete
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    say(f"{_describe(plan)}, in {time.monotonic() - started_s:,.0f} s: {root}")
    return root


def _write_index(plan: pl.DataFrame, root: Path) -> None:
    for split in SPLITS:
        views = plan.filter(split=split)
        studies = views.select("study_id", "label").unique().sort("study_id")
        for study_id in studies["study_id"]:
            (root / study_id).mkdir(parents=True)
        tables = {
            "image_paths": views.select(pl.format(f"{ROOT_NAME}/{{}}", "view_id")),
            "labeled_studies": studies.select(pl.format(f"{ROOT_NAME}/{{}}/", "study_id"), "label"),
        }
        for name, table in tables.items():
            table.write_csv(root / f"{split}_{name}.csv", include_header=False)


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


def _describe(plan: pl.DataFrame) -> str:
    num_studies, num_patients = plan["study_id"].n_unique(), plan["patient_id"].n_unique()
    return (
        f"{plan.height:,} views of {num_studies:,} studies and {num_patients:,} patients, "
        f"{100 * plan['label'].to_numpy().mean():.0f} % abnormal"
    )
