"""Options that can read a tree, suggested from the names of its folders."""

from collections.abc import Iterator

from ingest.sources.folders import SPLIT_LABEL
from ingest.sources.words import LABEL_WORDS, SPLIT_WORDS, plain, read_part
from shared.labels import MURA_PARTS
from shared.storage.store import Store

_PARTS = {*MURA_PARTS, "ankle", "foot", "hip", "knee", "leg", "pelvis", "spine", "chest", "skull"}
_MAX_LEVELS = 4
# folders listed at each level: names repeat, and a listing of an object store is slow
_FOLDERS_A_LEVEL = 30


def suggest(tree: Store) -> str:
    """Return the options that would read a tree, or an empty text."""
    levels = list(_list_levels(tree))
    if any(name.upper().startswith("XR_") for names in levels for name in names):
        return "layout=mura"
    kinds = [_kind(names) for names in levels]
    if "label" not in kinds:
        return ""
    labels = levels[kinds.index("label")]
    kinds = kinds[: kinds.index("label") + 1]
    words = ["layout=folders"]
    if "split" not in kinds:
        words.append("test_share=0.2")
    elif splits := _join_splits(levels[kinds.index("split")]):
        words.append(splits)
    if tuple(kinds) not in (SPLIT_LABEL, ("label",)):
        words.append(f"levels={'/'.join(kinds)}")
    if unknown := sorted({name for name in labels if plain(name) not in LABEL_WORDS}):
        names = ", ".join(unknown)
        words.append(f'labels="abnormal=NAMES normal=NAMES" with the names {names}')
    return " ".join(words)


def _list_levels(tree: Store) -> Iterator[set[str]]:
    folders = [""]
    for _ in range(_MAX_LEVELS):
        below = [
            f"{folder}/{name}" if folder else name
            for folder in folders[:_FOLDERS_A_LEVEL]
            for name in tree.folders(folder) or []
        ]
        if not below:
            return
        yield {path.rpartition("/")[2] for path in below}
        folders = below


def _kind(names: set[str]) -> str:
    words = {plain(name) for name in names}
    if words & SPLIT_WORDS.keys():
        return "split"
    if words & LABEL_WORDS.keys():
        return "label"
    if any(read_part(name) in _PARTS for name in names):
        return "part"
    # two folders without a known name are the labels more often than anything else
    return "label" if len(names) == 2 else "*"


def _join_splits(names: set[str]) -> str:
    """Return the option that joins several folders of a split, the test apart."""
    found = {word for name in names if (word := plain(name)) in SPLIT_WORDS}
    valid = {word for word in found if SPLIT_WORDS[word] == "valid"}
    tested = next((word for word in ("test", "testing", *sorted(valid)) if word in valid), "")
    if len(valid) < 2:
        return ""
    return f'splits="train={",".join(sorted(found - {tested}))} valid={tested}"'
