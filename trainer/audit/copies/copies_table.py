"""The table of copies, and the views whose copies leak over folds."""

import polars as pl

# columns of `copies.csv`
COPIES_SCHEMA = {
    "view": pl.String,
    "copy": pl.String,
    "kind": pl.String,
    "correlation": pl.Float64,
    "same_patient": pl.Boolean,
    "same_split": pl.Boolean,
    "same_label": pl.Boolean,
    "leaks": pl.Boolean,
}
KINDS = {
    "same_pixels": "equal stored pixels",
    "similar": "re-encoded or resized",
    "mirrored": "mirrored",
    "turned": "rotated by quarter turns",
}
# of the orientations of `trainer.audit.copies.perceptual_hash.orient`; from 2 on, turned
_KINDS = ("similar", "mirrored", "turned")


def describe_copies(copies: list[tuple[int, int, int, float]], views: pl.DataFrame) -> pl.DataFrame:
    """Return a row per pair of copies, those that leak first, with the columns `COPIES_SCHEMA`.

    A pair leaks if its views are of different groups, and a model that predicted one of them was
    trained on the other: the views are in different folds, or one is in the test set.
    """
    columns = ["view_id", "patient_id", "split", "label", "group", "fold", "role", "pixel_digest"]
    facts = views.select(columns).rows()
    rows = [
        _describe(facts[first], facts[second], orientation, correlation)
        for first, second, orientation, correlation in copies
    ]
    table = pl.DataFrame(rows, COPIES_SCHEMA, orient="row")
    return table.sort("leaks", "correlation", "view", descending=[True, True, False])


def _describe(
    view: tuple[object, ...], copy: tuple[object, ...], orientation: int, correlation: float
) -> tuple[object, ...]:
    view_id, patient, split, label, group, fold, role, digest = view
    same_set = (fold, role) == copy[5:7]
    kind = "same_pixels" if digest == copy[7] else _KINDS[min(orientation, 2)]
    same = (patient == copy[1], split == copy[2], label == copy[3])
    return (view_id, copy[0], kind, correlation, *same, group != copy[4] and not same_set)


def find_leaking(copies: pl.DataFrame, views: pl.DataFrame) -> set[str]:
    """Return the ids of the views that were predicted by a model trained on a copy of them."""
    pairs = copies.filter("leaks").select("view", "copy")
    both = [pairs, pairs.select(view="copy", copy="view")]
    roles = views.select("view_id", "role")
    joined = pl.concat(both).join(roles, left_on="view", right_on="view_id")
    joined = joined.join(roles, left_on="copy", right_on="view_id", suffix="_of_copy")
    # the models of test views were trained on all others; those of other views on no test view
    return set(joined.filter(pl.col("role_of_copy") != "test")["view"])
