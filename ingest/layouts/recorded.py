"""Recorded: the layout that a lake was made with, read back from its `lake.json`."""

import re
from typing import Any

from ingest.layouts.folders import FoldersLayout
from ingest.layouts.layout import Layout
from ingest.layouts.mura import MuraLayout
from shared.errors import LakeError
from shared.vocabulary import BODY_PARTS


def read_layout(recorded: dict[str, Any] | None) -> Layout | None:
    """Return the layout that a `lake.json` records; None where it records none, as older ones do.

    Raises:
        LakeError: this version does not know the layout.
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
        raise LakeError(f"Expected a layout that this mura-lake knows. Received: {recorded}")
    return layout
