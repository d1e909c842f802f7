"""The layouts of sources, and the one of a lake's source, read from `lake.json`."""

import re
from typing import Any, TypeAlias

from ingest.sources.folders import SPLIT_LABEL, FoldersLayout
from ingest.sources.mura import LABEL_FROM_FOLDER, MuraLayout
from ingest.sources.table_layout import TableLayout
from ingest.sources.words import Words, parse_levels
from shared.errors import LakeError, UsageError
from shared.labels import is_part

# the positions of views in a tree and the meaning of their paths, with the same attributes and
# methods, documented in `FoldersLayout`
Layout: TypeAlias = FoldersLayout | MuraLayout | TableLayout
# entries of a drawn test, which paths do not contain
_DRAW = ("test_share", "seed")


def read_layout(recorded: dict[str, Any] | None) -> Layout | None:
    """Return the layout recorded in `lake.json`, or None for older lakes without one.

    Raises:
        LakeError: this version does not support the layout.
    """
    if recorded is None:
        return None
    unsupported = LakeError(f"Expected a layout that this version supports. Received: {recorded}")
    if not all(isinstance(value, str) for value in recorded.values()):
        raise unsupported
    try:
        layout = _read(recorded)
    except UsageError:
        raise unsupported from None
    except (re.error, OverflowError, RecursionError) as error:
        raise LakeError(
            f"Expected the pattern of patients to be a regular expression. Received: {error}"
        ) from None
    if layout.to_json() != {k: v for k, v in recorded.items() if k not in _DRAW}:
        raise unsupported
    return layout


def _read(recorded: dict[str, str]) -> Layout:
    match recorded.get("name"):
        case "folders":
            pattern = recorded.get("patient")
            levels = recorded.get("levels")
            part = recorded.get("body_part", "")
            if not is_part(part):
                raise UsageError(f"Expected a body part. Received: {part}")
            return FoldersLayout(
                part,
                re.compile(pattern) if pattern else None,
                levels=parse_levels(levels) if levels else SPLIT_LABEL,
                words=Words.parse(recorded.get("labels", ""), recorded.get("splits", "")),
            )
        case "table":
            return TableLayout(recorded.get("table", ""))
        case _:
            return MuraLayout(label_from=recorded.get("label_from", LABEL_FROM_FOLDER))
