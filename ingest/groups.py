"""Groups: patients who share a byte-identical image are one, so that no fold divides them."""

from collections.abc import Iterable

import polars as pl


def group_patients(views: pl.DataFrame) -> pl.DataFrame:
    """Add the column `group`: the smallest patient number among patients tied by shared images.

    A patient's number is the bare one, the same across body parts and splits.

    Args:
        views: columns `patient_id` and `source_digest` at least.

    Returns:
        `views` with `group`, Int64, in the same order.
    """
    sharing = (
        views.group_by("source_digest")
        .agg(pl.col("patient_id").unique())
        .filter(pl.col("patient_id").list.len() > 1)
    )
    smallest = _tie(sharing["patient_id"].to_list())
    group = pl.col("patient_id").replace(list(smallest), list(smallest.values()))
    return views.with_columns(group=group.cast(pl.Int64))


def _tie(ties: Iterable[list[int]]) -> dict[int, int]:
    """Return the smallest number of all that are tied to each number, directly or by others.

    A disjoint-set forest whose roots are the smallest (Cormen et al., Introduction to Algorithms,
    chapter 21); the few images that are shared need neither ranks nor a library that is slow to
    import.
    """
    parent: dict[int, int] = {}

    def find(number: int) -> int:
        while (above := parent.setdefault(number, number)) != number:
            number = above
        return number

    for tied in ties:
        roots = {find(number) for number in tied}
        parent.update(dict.fromkeys(roots, min(roots)))
    return {number: find(number) for number in parent}
