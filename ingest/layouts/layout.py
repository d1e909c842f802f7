"""What all layouts have in common: their answers to a path, and the kinds of files to leave out."""

import re
from typing import NamedTuple, Protocol

from shared.store import Store
from shared.vocabulary import BodyPart, Split


class View(NamedTuple):
    """What the path of a view says of it, as in the manifest's columns of these names."""

    split: Split
    body_part: BodyPart
    label: int
    patient_id: int
    study_id: str


class NoView(NamedTuple):
    """Why a path is no view: a kind to be counted, and what of the path is to be named, if any."""

    kind: str
    name: str = ""


NO_PATIENT = NoView("files whose patient is unknown")
OTHER = NoView("other files")
NOT_UTF_8 = NoView("names that are not UTF-8")
_APPLE_DOUBLE = NoView("AppleDouble files")
_DS_STORE = NoView(".DS_Store")
_THUMBNAIL = NoView("thumbnails")
_MASK = NoView("masks")
_THUMBNAIL_NAME = re.compile(r"(^|/)(thumbs\.db$|\.thumb)|(^|[/_.-])thumbnails?([/_.-]|$)")
_MASK_NAME = re.compile(r"(^|[/_.-])masks?([/_.-]|$)")


class Layout(Protocol):
    """Where in a tree the views are, and what their paths say."""

    @property
    def example(self) -> str:
        """The path of a view below the root."""
        ...

    @property
    def indexed_splits(self) -> tuple[Split, ...]:
        """The splits that can have index files."""
        ...

    @property
    def names_patients(self) -> bool:
        """Whether paths say whose a view is; if not, each is a patient of its own."""
        ...

    def to_json(self) -> dict[str, str]:
        """Return what `lake.json` says of the layout: all that the meaning of a path depends on."""
        ...

    def find_root(self, tree: Store) -> Store:
        """Return the folder that holds the splits: `tree` or one in it.

        Raises:
            SourceError: there is none, or it cannot be told which folder is which split.
        """
        ...

    def enters(self, folder: str) -> bool:
        """Return whether a folder is to be scanned, given its path below the root."""
        ...

    def parse(self, folder: str, name: str) -> View | NoView:
        """Return what a file's path says: its folder's, empty or with a slash at its end, and name.

        Quickest when the files of a folder come one after the other.
        """
        ...


def kind_of(path: str) -> NoView:
    """Return of what well-known kind a file is that may be no view, or `OTHER`.

    Only whole words count: a thumb is a finger, and `unmasked` no mask.
    """
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


def is_utf8(path: str) -> bool:
    """Return whether a path from the file system was valid UTF-8 there."""
    return path.isascii() or not any("\ud800" <= char <= "\udfff" for char in path)
