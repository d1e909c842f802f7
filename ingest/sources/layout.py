"""The results of layouts, and the kinds of files to ignore."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import SourceError
from shared.images.formats import is_bare_name
from shared.labels import Split
from shared.printable import is_utf8

if TYPE_CHECKING:
    from ingest.sources.recorded import Layout


class View(NamedTuple):
    """A view as parsed from its path; fields are columns of the manifest."""

    split: Split
    body_part: str
    # None if the path does not contain it
    label: int | None
    patient_id: int
    study_id: str


class NoView(NamedTuple):
    """A path that is not a view: its kind, for counts, and a name to show, if any."""

    kind: str
    name: str = ""


NO_PATIENT = NoView("files whose patient is unknown")
OTHER = NoView("other files")
NOT_UTF_8 = NoView("names that are not UTF-8")
_APPLE_DOUBLE = NoView("AppleDouble files")
_DS_STORE = NoView(".DS_Store")
_THUMBNAIL = NoView("thumbnails")
_MASK = NoView("masks")
# only whole words: a thumb is a finger, and `unmasked` is not a mask
_THUMBNAIL_NAME = re.compile(r"(^|/)(thumbs\.db$|\.thumb)|(^|[/_.-])thumbnails?([/_.-]|$)")
_NAMES_SHOWN = 5
_MASK_NAME = re.compile(r"(^|[/_.-])masks?([/_.-]|$)")


class UnknownLayoutError(SourceError):
    """A tree without views of the layout; other options may find some."""

    def __init__(self, expected: str, received: str):
        # the arguments of `__init__`, so that the error survives pickling
        super().__init__(expected, received)
        self.expected, self.received = expected, received

    def __str__(self) -> str:
        return f"Expected {self.expected}. Received: {self.received}"


def parse_bare(layout: "Layout", folder: str, name: str) -> View | NoView:
    """Parse the path of a DICOM file whose name has no suffix, as if it had one."""
    is_bare = is_bare_name(name) and not name.startswith(".")
    return layout.parse(folder, f"{name}.dcm") if is_bare else OTHER


def kind_of(path: str) -> NoView:
    """Return the well-known kind of a file that is not a view, or `OTHER`."""
    name, lower = path.rpartition("/")[2], path.lower()
    if not is_utf8(path):
        return NOT_UTF_8
    if name.startswith("._"):
        return _APPLE_DOUBLE
    if name == ".DS_Store":
        return _DS_STORE
    if _THUMBNAIL_NAME.search(lower):
        return _THUMBNAIL
    return _MASK if _MASK_NAME.search(lower) else OTHER


def count_by_kind(no_views: Mapping[NoView, int]) -> dict[str, int]:
    """Return the number of files of each kind, sorted; the key of a kind lists some names."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    numbers: Counter[str] = Counter()
    for (kind, name), number in sorted(no_views.items()):
        numbers[kind] += number
        names[kind] += [name] if name else []
    return {
        f"{kind}: {_show(names[kind])}" if names[kind] else kind: number
        for kind, number in sorted(numbers.items())
        if number
    }


def _show(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
