"""The views of a lake on which a finished model is evaluated."""

from dataclasses import asdict

import polars as pl

from shared.errors import TrainingError
from shared.images.spec import ImageSpec
from shared.labels import order_parts
from shared.lake.open import Lake
from trainer.options import EvaluateOptions

_PIXEL_OPTIONS = ("size", "fit", "crop", "mask", "contrast")


def check_preparation(expected: ImageSpec, lake: Lake) -> None:
    """Raise TrainingError for a lake whose images were prepared in another way than a run's."""
    # the encoding may differ: PNG is lossless, and JPEG of quality 95 changes pixels little
    of_run, of_lake = asdict(expected), asdict(lake.image)
    differing = [name for name in _PIXEL_OPTIONS if of_run[name] != of_lake[name]]
    if differing:
        needed, found = (
            " ".join(f"{name}={options[name]}" for name in differing)
            for options in (of_run, of_lake)
        )
        raise TrainingError(
            f"Expected a lake with the image preparation of the run: `just ingest` with {needed}. "
            f"Received: lake={lake.store} with {found}"
        )


def select_views(lake: Lake, options: EvaluateOptions) -> pl.DataFrame:
    """Return the views of the body part and the split, or raise TrainingError if there are none."""
    views, split = lake.manifest, options.split
    if split == "auto":
        split = "valid" if "valid" in views["split"] else "all"
    if split != "all":
        views = views.filter(split=split)
    if options.part != "all":
        views = views.filter(body_part=options.part)
    if views.is_empty():
        present = order_parts(lake.manifest["body_part"])
        raise TrainingError(
            f"Expected views of part={options.part} split={options.split}. Received: "
            f"lake={lake.store} with views of {', '.join(present) or 'no body part'}"
        )
    return views
