"""The layout of images that a table describes; their paths have no meaning."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ingest.sources.layout import NoView, View, kind_of
from ingest.sources.words import Words
from shared.errors import SourceError
from shared.labels import Split
from shared.storage.store import Store


@dataclass(frozen=True)
class TableOptions:
    """A table of images and the meaning of its columns.

    Attributes:
        columns: name of the column by role, as from `ingest.sources.columns.parse_columns`.
        body_part: the body part of all images, without a column.
        patient: pattern searched in the column of patients, or in the path without such a column.
    """

    folder: Store
    name: str
    images: Store
    columns: Mapping[str, str]
    words: Words
    body_part: str
    patient: re.Pattern[str] | None
    splits: tuple[Split, ...]
    draws_test: bool


@dataclass(frozen=True)
class TableLayout:
    """Images anywhere in a folder, each with a row in a table."""

    name: str
    names_patients: bool = True

    example = "any/folders/image1.png"
    indexed_splits: ClassVar[tuple[Split, ...]] = ()
    not_in_paths = View._fields

    def to_json(self) -> dict[str, str]:
        """Return the layout's entry in `lake.json`."""
        return {"name": "table", "table": self.name}

    def find_root(self, tree: Store) -> Store:
        """Return the folder of the images."""
        if tree.folders() is None:
            raise SourceError(f"Expected the folder of the images. Received: images={tree}")
        return tree

    def enters(self, folder: str) -> bool:
        """Return True: images can be in any folder."""
        return True

    def parse(self, folder: str, name: str) -> View | NoView:
        """Return the kind of a file without a row in the table."""
        return kind_of(folder + name)
