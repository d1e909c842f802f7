"""The views that several tables of predictions have in common."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import TrainingError

Groups = npt.NDArray[np.int64]

_TRUTH = ("study_id", "body_part", "label")


def restrict_to_common(tables: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Return the rows of the views that are in all tables, in the same order and groups.

    Lakes of other image sizes can connect other patients by their images; patients that any table
    connects are one group.

    Returns:
        The tables, empty without common views.

    Raises:
        TrainingError: the tables differ in study, body part or label of a view.
    """
    common = reduce(
        lambda left, right: left.join(right, on="view_id", how="semi"), tables[1:], tables[0]
    ).select("view_id")
    kept = [table.join(common, on="view_id", how="semi").sort("view_id") for table in tables]
    for table in kept[1:]:
        _check_truth(kept[0], table)
    if common.is_empty():
        return kept
    groups = pl.Series("group", _connect([table["group"].to_numpy() for table in kept]), pl.Int64)
    return [table.with_columns(groups) for table in kept]


def _check_truth(first: pl.DataFrame, other: pl.DataFrame) -> None:
    differs = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_other") for name in _TRUTH)
    wrong = first.join(other, on="view_id", suffix="_other").filter(differs)
    if wrong.height:
        raise TrainingError(
            "Expected the same study, body part and label of each view in all runs. "
            f"Received: {wrong.height:,} views that differ, such as {wrong['view_id'][0]}"
        )


def _connect(groupings: Sequence[Groups]) -> Groups:
    """Return the groups of rows that are connected in any grouping, (rows,), each int64 (rows,)."""
    groups: Groups = np.unique(groupings[0], return_inverse=True)[1].astype(np.int64)
    for other in groupings[1:]:
        # late, as few lakes group patients in another way, and the import takes half a second
        others: Groups = np.unique(other, return_inverse=True)[1].astype(np.int64)
        pairs: Groups = np.unique(np.stack([groups, others]), axis=1)
        if all(len(set(row)) == len(row) for row in pairs.tolist()):
            continue
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        num_first = int(pairs[0].max()) + 1
        num_nodes = num_first + int(pairs[1].max()) + 1
        ends = (pairs[0], pairs[1] + num_first)
        graph = coo_array((np.ones(pairs.shape[1], np.int8), ends), shape=(num_nodes, num_nodes))
        groups = connected_components(graph, directed=False)[1].astype(np.int64)[groups]
    return groups
