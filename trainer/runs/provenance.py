"""The provenance of a run: configuration, data, code, versions, hardware and durations."""

import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from shared.cluster import code_fingerprint
from shared.errors import UsageError
from shared.labels import order_parts
from shared.lake.open import Lake
from shared.printable import is_utf8
from shared.storage.atomic import digest
from trainer.data.split import FitPlan
from trainer.data.target import make_target
from trainer.options import CvOptions, TrainOptions
from trainer.runs.context import RunContext
from trainer.runs.gpus import find_gpus
from trainer.runs.hardware import describe_hardware
from trainer.runs.run_folder import count_starts

# the packages that results depend on
PACKAGES = (
    "mura-lake",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "polars",
    "pyarrow",
    "scikit-learn",
)
# options without effect on results: locations of files, the executor, images in the report
_WITHOUT_EFFECT = ("out", "lake", "cache", "cache_gb", "images", "engine", "address", "gpus")
_PROJECT = Path(__file__).parents[2]
_GIT = ("git", "-C", str(_PROJECT))


def require_utf8(options: object) -> None:
    """Raise UsageError for an option that cannot be recorded as JSON, such as an odd folder."""
    for key, value in vars(options).items():
        if isinstance(value, str) and not is_utf8(value):
            raise UsageError(f"Expected {key} in UTF-8. Received: {key}={value}")


def run_key(command: str, options: TrainOptions | CvOptions, lake: Lake) -> str:
    """Return a digest of the options, data, versions and code that results depend on."""
    relevant = {name: v for name, v in asdict(options).items() if name not in _WITHOUT_EFFECT}
    # reader=auto depends on the lake's location and the cache, which `relevant` leaves out
    relevant["reader"] = "stream" if options.reads_shards_in_order else "offset"
    return digest(json.dumps([command, relevant, lake.digest, _versions(), digest_code()]).encode())


def describe_run(
    command: str, context: RunContext[TrainOptions | CvOptions], plan: FitPlan
) -> dict[str, Any]:
    """Return the content of `config.json`, for the sets of the saved model."""
    options, lake, timings = context.options, context.lake, context.timings
    return {
        "command": command,
        "options": asdict(options),
        "classes": list(make_target(options.task, lake.manifest).class_names),
        "lake": describe_lake(lake),
        "sets": [{"name": name, **count_views(views)} for name, views in vars(plan).items()],
        **({"start": dict(context.start)} if context.start else {}),
        **describe_code(),
        "hardware": describe_hardware() | {"gpus": [gpu.name for gpu in find_gpus()]},
        "starts": count_starts(context.folder),
        "seconds": _round(timings.seconds),
        "waiting_seconds": _round(timings.waiting_s),
    }


def describe_lake(lake: Lake) -> dict[str, Any]:
    """Return the `lake` of a `config.json`."""
    return {
        "path": str(lake.store),
        "digest": lake.digest,
        "num_views": lake.manifest.height,
        "image": lake.image.to_json(),
    }


def describe_code() -> dict[str, Any]:
    """Return the `code` and the `versions` of a `config.json`."""
    return {"code": {"digest": digest_code(), "commit": _find_commit()}, "versions": _versions()}


def digest_code() -> str:
    """Return the digest of the source files that a run's results depend on."""
    return code_fingerprint.digest_code(("shared", "trainer"))


def _find_commit() -> str | None:
    try:
        top = subprocess.run(
            [*_GIT, "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True
        )
        if Path(top.stdout.strip()).resolve() != _PROJECT.resolve():
            return None  # installed inside the checkout of another project
        words = [*_GIT, "describe", "--always", "--dirty", "--abbrev=40"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _versions() -> dict[str, str]:
    packages = {package: version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **packages}


def _round(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in seconds.items()}


def count_views(views: pl.DataFrame) -> dict[str, Any]:
    """Return the body parts of a set, and its numbers of views, studies and patients."""
    return {
        "body_parts": order_parts(views["body_part"]),
        "num_views": views.height,
        "num_studies": views["study_id"].n_unique(),
        "num_patients": views["patient_id"].n_unique(),
        "num_abnormal_views": int(views["label"].sum()),
    }
