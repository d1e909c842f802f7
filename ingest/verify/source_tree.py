"""Verification of each view of a lake against its source file."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ingest.write.identity import DICOM_STUDY, IDENTITY
from ingest.write.shard import prepare_view
from shared.errors import ImageError
from shared.images.spec import ImageSpec
from shared.lake.open import Lake
from shared.storage.store import Store

_COMPARED = ("source_digest", "width_px", "height_px", "channels", "pixel_digest")
_BATCH_ROWS = 256


def compare_with_source(lake: Lake, root: Store, advance: Callable[[], None]) -> Iterator[str]:
    """Decode the file of each view again, and yield the differences from the manifest.

    Args:
        lake: an opened lake with checked tables, so that no path leaves the tree.

    Raises:
        StoreError: the object store does not respond, or returns an error.
    """

    def compare(row: dict[str, Any]) -> str | None:
        difference = _compare(row, root, image)
        advance()
        return difference and f"{root.where(row['view_id'])}: {difference}"

    columns = ("view_id", "source_bytes", *IDENTITY, *_COMPARED)
    image = replace(lake.image, depth=lake.image.decoding_depth)
    # threads suffice, because decoders release the GIL; batches bound the number of waiting results
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for rows in lake.manifest.select(columns).iter_slices(_BATCH_ROWS):
            yield from filter(None, pool.map(compare, rows.to_dicts()))


def _compare(row: dict[str, Any], root: Store, image: ImageSpec) -> str | None:
    try:
        encoded = root.read(row["view_id"])
        received = {"source_bytes": len(encoded), **prepare_view(encoded, image)[1]}
    except FileNotFoundError:
        return "the file of a view is missing"
    except OSError as error:
        return f"the file of a view cannot be read, {error.strerror}"
    except ImageError as error:
        return f"the file of a view is no longer a radiograph, {error}"
    named = re.search(DICOM_STUDY, row["study_id"])
    # the part of the study's name after split and label, if the file names it
    row = {**row, "study_id": named[0].strip("/")} if named else row
    for name in ("source_bytes", *(IDENTITY if named else ()), *_COMPARED):
        if row[name] != received[name] and not (name in IDENTITY and received[name] is None):
            return f"expected {name}={row[name]}, received {received[name]}"
    return None
