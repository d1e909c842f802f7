"""The columns of a table of images, by their role."""

import re
from collections.abc import Mapping, Sequence

from shared.errors import SourceError, UsageError

# usual names of the columns, in lower case without separators, the most specific first
ROLES: dict[str, tuple[str, ...]] = {
    "path": ("path", "imagepath", "filepath", "filename", "file", "image", "imageid", "img"),
    "label": ("label", "class", "target", "abnormal", "fractured", "fracture", "diagnosis"),
    "patient": ("patient", "patientid", "pid", "subject", "subjectid", "patientnumber"),
    "study": ("study", "studyid", "accession", "accessionnumber", "acc", "exam", "examid"),
    "part": ("part", "bodypart", "region", "anatomy", "bodypartexamined"),
    "split": ("split", "fold", "subset", "partition", "set"),
}
_REQUIRED = ("path", "label")


def parse_columns(text: str) -> dict[str, str]:
    """Parse the option `columns`, such as `path=filename,label=fractured`.

    Raises:
        UsageError: a column has no name, or a role other than those of `ROLES`.
    """
    pairs = [pair.partition("=") for pair in text.split(",")] if text else []
    columns = {role.strip(): name.strip() for role, _, name in pairs}
    if not all(columns.values()) or columns.keys() - ROLES.keys() or len(columns) < len(pairs):
        raise UsageError(
            f"Expected columns like path=filename,label=fractured, with {', '.join(ROLES)}. "
            f"Received: columns={text}"
        )
    return columns


def find_columns(names: Sequence[str], given: Mapping[str, str], place: str) -> dict[str, str]:
    """Return the name of the column of each role: the given one, or one with a usual name.

    Raises:
        SourceError: a given column, the path or the label is missing.
    """
    found: dict[str, str] = {}
    by_name = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(names)}
    for role, usual in ROLES.items():
        name = given.get(role) or next((by_name[n] for n in usual if n in by_name), None)
        if name is None and role not in _REQUIRED:
            continue
        if name is None or name not in names:
            option = "" if name is None else f"columns={role}={name}, "
            raise SourceError(
                f"Expected a column of the {role}, by columns={role}=NAME. "
                f"Received: {option}{place} with the columns {', '.join(names)}"
            )
        found[role] = name
    return found
