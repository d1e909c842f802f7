"""The views that several tables of predictions have in common."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from shared.components import Nodes, connect
from shared.errors import TrainingError

_TRUTH = ("study_id", "body_part", "label")


def restrict_to_common(tables: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Return the rows of the views that are in all tables, in the same order and groups.

    Raises:
        TrainingError: the tables differ in study, body part or label of a view.
    """
    common = tables[0]
    for table in tables[1:]:
        common = common.join(table, on="view_id", how="semi")
    kept = [table.join(common, on="view_id", how="semi").sort("view_id") for table in tables]
    for table in kept[1:]:
        _check_truth(kept[0], table)
    if common.is_empty():
        return kept
    # lakes of other image sizes can connect other patients by their images, so patients that any
    # table connects are one group
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


def _connect(groupings: Sequence[Nodes]) -> Nodes:
    """Return the groups of rows that are connected in any grouping, (rows,), each int64 (rows,)."""
    groups: Nodes = np.unique(groupings[0], return_inverse=True)[1].astype(np.int64)
    for other in groupings[1:]:
        others: Nodes = np.unique(other, return_inverse=True)[1].astype(np.int64)
        pairs: Nodes = np.unique(np.stack([groups, others]), axis=1)
        if all(len(set(row)) == len(row) for row in pairs.tolist()):
            continue  # the same groups by other numbers
        groups = connect(pairs[0], pairs[1])[groups]
    return groups
