"""The layout of a lake's source, read from `lake.json`."""

import re
from typing import Any

from ingest.sources.folders import FoldersLayout
from ingest.sources.layout import Layout
from ingest.sources.mura import MuraLayout
from shared.errors import LakeError
from shared.labels import BODY_PARTS


def read_layout(recorded: dict[str, Any] | None) -> Layout | None:
    """Return the layout recorded in `lake.json`, or None for older lakes without one.

    Raises:
        LakeError: this version does not support the layout.
    """
    if recorded is None:
        return None
    layout: Layout = MuraLayout()
    body_part, pattern = recorded.get("body_part"), recorded.get("patient")
    if body_part in BODY_PARTS and isinstance(pattern, str):
        try:
            layout = FoldersLayout(
                BODY_PARTS[BODY_PARTS.index(body_part)], re.compile(pattern) if pattern else None
            )
        except (re.error, OverflowError, RecursionError) as error:
            raise LakeError(
                f"Expected the pattern of patients to be a regular expression. Received: {error}"
            ) from None
    if layout.to_json() != recorded:
        raise LakeError(f"Expected a layout that this version supports. Received: {recorded}")
    return layout
