"""Counts in messages and reports."""

_SINGULARS = {"studies": "study", "classes": "class", "processes": "process"}


def count(num: int, unit: str) -> str:
    """Format a count with its unit, e.g. `1 study`, `1,204 rejected views`."""
    qualifier, space, noun = unit.rpartition(" ")
    singular = f"{qualifier}{space}{_SINGULARS.get(noun, noun.removesuffix('s'))}"
    return f"{num:,} {singular if num == 1 else unit}"
