"""From options to the layout of a source, with checks of their values."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from ingest.sources.columns import parse_columns
from ingest.sources.folders import SPLIT_LABEL, FoldersLayout
from ingest.sources.mura import LABEL_FROM_FOLDER, LABEL_FROM_INDEX, MuraLayout
from ingest.sources.recorded import Layout
from ingest.sources.table_layout import TableOptions
from ingest.sources.words import Words, parse_levels
from shared.errors import UsageError
from shared.labels import MURA_PARTS, OTHER_PART, SPLITS, is_part
from shared.storage.store import Store, as_store

if TYPE_CHECKING:
    from ingest.options import IngestOptions

Choice = TypeVar("Choice", bound=str)
LayoutName = Literal["mura", "folders", "table"]

# options that belong to some layouts only
_ONLY_WITH = {
    ("mura",): ("parts", "label_from"),
    ("folders", "table"): ("body_part", "patient", "labels", "test_share", "seed"),
    ("folders",): ("levels",),
    ("table",): ("images", "columns"),
}


def make_layout(options: IngestOptions) -> Layout | TableOptions:
    """Return the layout of the source, limited to the selected splits and body parts.

    Raises:
        UsageError: an option has an invalid value, or does not belong to the layout.
    """
    _check(options)
    chooses = "=" not in options.splits
    splits = _choose("splits", options.splits if chooses else "all", SPLITS)
    words = Words.parse(options.labels, "" if chooses else options.splits)
    pattern = _compile(options.patient)
    if options.layout == "mura":
        if not chooses:
            raise UsageError(f"Expected train, valid or all. Received: splits={options.splits}")
        origin = options.label_from
        if origin not in (LABEL_FROM_FOLDER, LABEL_FROM_INDEX):
            # lake.json has the name of the file without its path on this machine
            origin = split_place(origin)[1]
        return MuraLayout(_choose("parts", options.parts, MURA_PARTS), splits, origin)
    if options.layout == "folders":
        levels = _read_levels(options)
        return FoldersLayout(options.body_part, pattern, splits, levels, words)
    folder, name = split_place(options.root)
    return TableOptions(
        folder,
        name,
        as_store(options.images) if options.images else folder,
        parse_columns(options.columns),
        words,
        options.body_part,
        pattern,
        splits,
        draws_test=options.test_share is not None,
    )


def split_place(place: str) -> tuple[Store, str]:
    """Return the store and the name of a file.

    Raises:
        UsageError: there is no name.
    """
    folder, slash, name = place.replace(os.sep, "/").rpartition("/")
    if not name:
        raise UsageError(f"Expected a file. Received: {place}")
    return as_store((folder or slash) or "."), name


def _check(options: IngestOptions) -> None:
    for layouts, keys in _ONLY_WITH.items():
        for key in keys if options.layout not in layouts else ():
            # the class has the defaults of the options
            if (value := getattr(options, key)) != getattr(type(options), key):
                raise UsageError(
                    f"Expected {key} only with layout={' or '.join(layouts)}. "
                    f"Received: {key}={value} layout={options.layout}"
                )
    if not is_part(options.body_part):
        raise UsageError(
            "Expected a body part of lower-case letters, digits and _, other than all. "
            f"Received: body_part={options.body_part}"
        )
    if options.test_share is not None and not 0 <= options.test_share < 1:
        raise UsageError(
            f"Expected 0 or more, below 1. Received: test_share={options.test_share:g}"
        )
    if options.test_share is not None and options.splits in SPLITS:
        raise UsageError(
            "Expected splits=all with test_share. "
            f"Received: splits={options.splits} test_share={options.test_share:g}"
        )
    if options.seed < 0 or (options.seed and options.test_share is None):
        raise UsageError(
            f"Expected 0 or more, and only with test_share. Received: seed={options.seed}"
        )


def _read_levels(options: IngestOptions) -> tuple[str, ...]:
    usual = SPLIT_LABEL if options.test_share is None else ("label",)
    levels = parse_levels(options.levels) if options.levels else usual
    received = f"Received: levels={options.levels}"
    if "split" not in levels and options.test_share is None:
        raise UsageError(f"Expected split in levels, or test_share=0.2. {received}")
    if "part" in levels and options.body_part != OTHER_PART:
        raise UsageError(
            f"Expected body_part only without part in levels. {received} "
            f"body_part={options.body_part}"
        )
    return levels


def _choose(key: str, text: str, allowed: Sequence[Choice]) -> tuple[Choice, ...]:
    if text == "all":
        return tuple(allowed)
    chosen = {name.strip() for name in text.split(",")}
    if chosen - set(allowed):
        raise UsageError(
            f"Expected {key} to be all, or a comma-separated list of {', '.join(allowed)}. "
            f"Received: {key}={text}"
        )
    return tuple(name for name in allowed if name in chosen)


def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if pattern else None
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"Expected patient to be a regular expression. Received: patient={pattern}, {error}"
        ) from None
