"""Verification of the manifest against paths, findings and itself, without reading images."""

from collections.abc import Iterator

import polars as pl

from ingest.duplicates.findings import find_ties
from ingest.duplicates.groups import group_patients
from ingest.sources.layout import OTHER, View, parse_bare
from ingest.sources.recorded import Layout
from ingest.write.identity import DICOM_STUDY, IDENTITY
from shared.counts import count
from shared.lake.manifest import SCHEMA
from shared.lake.open import Lake

_PATH_COLUMNS = View._fields
# bounds the rows that are Python objects at a time
_SLICE_ROWS = 20_000
# of 8-bit pixels
_MAX_LEVEL = 255
# the decoder rejects longer sides; RGBA is the widest PNG format
_MAX_SIDE_PX, _MAX_CHANNELS = 65_535, 4
# 128 bits of SHA-256, as from `shared.storage.atomic.digest`
_DIGEST = r"^[0-9a-f]{32}$"
# the condition on the values of each column
_RANGES = {
    "patient_id": pl.col("patient_id") >= 0,
    "source_bytes": pl.col("source_bytes") > 0,
    "source_digest": pl.col("source_digest").str.contains(_DIGEST),
    "width_px": pl.col("width_px").is_between(1, _MAX_SIDE_PX),
    "height_px": pl.col("height_px").is_between(1, _MAX_SIDE_PX),
    "channels": pl.col("channels").is_between(1, _MAX_CHANNELS),
    "mean": pl.col("mean").is_between(0, _MAX_LEVEL),
    "std": pl.col("std").is_between(0, _MAX_LEVEL),
}
# columns determined by the bytes of the source file
_SOURCE_COLUMNS = ("source_bytes", "width_px", "height_px", "channels", "pixel_digest")


def check_table(lake: Lake, layout: Layout | None) -> Iterator[str]:
    """Yield the contradictions in a lake's tables, each with an example.

    Without the layout of the source, paths and groups are not checked.
    """
    yield from _check_ids(lake)
    yield from _check_ranges(lake.manifest)
    yield from _check_sources(lake.manifest)
    if layout and "patient_id" not in layout.not_in_paths:
        yield from _check_paths(lake.manifest, layout)
        yield from _check_groups(lake, layout)


def _check_ids(lake: Lake) -> Iterator[str]:
    twice = lake.manifest.filter(pl.col("view_id").is_duplicated())
    if twice.height:
        rows = count(twice.height, "rows")
        yield f"{rows} with the view_id of another, such as {twice['view_id'][0]!r}"
    both = lake.rejects.join(lake.manifest, left_on="path", right_on="view_id", how="semi")
    if both.height:
        yield f"{count(both.height, 'rejected views')} in the manifest, such as {both['path'][0]!r}"


def _check_ranges(manifest: pl.DataFrame) -> Iterator[str]:
    for name, holds in _RANGES.items():
        # polars orders NaN above all numbers, so NaN is outside every range with an upper bound
        wrong = manifest.filter(~holds)
        if wrong.height:
            yield _describe(name, wrong["view_id"], wrong[name])


def _check_sources(manifest: pl.DataFrame) -> Iterator[str]:
    copies = manifest.filter(pl.col("source_digest").is_duplicated())
    for name in _SOURCE_COLUMNS:
        wrong = copies.filter(pl.col(name).n_unique().over("source_digest") > 1)
        if wrong.height:
            yield (
                f"{count(wrong.height, 'views')} of the same source_digest with another {name}, "
                f"such as {wrong['view_id'][0]!r}"
            )


def _check_paths(manifest: pl.DataFrame, layout: Layout) -> Iterator[str]:
    names = [name for name in _PATH_COLUMNS if name not in layout.not_in_paths]
    for rows in manifest.iter_slices(_SLICE_ROWS):
        parsed = _parse(rows["view_id"], layout)
        # such files name patient and study, where the layout does not
        of_files = pl.lit(not layout.names_patients) & pl.col("study_id").str.contains(DICOM_STUDY)
        for name in names:
            compared = ~of_files if name in IDENTITY else pl.lit(value=True)
            wrong = rows.with_columns(expected=parsed[name]).filter(
                compared, pl.col(name).ne_missing(pl.col("expected"))
            )
            if wrong.height:
                yield _describe(name, wrong["view_id"], wrong[name], wrong["expected"])


def _parse(paths: pl.Series, layout: Layout) -> pl.DataFrame:
    nulls = (None,) * len(_PATH_COLUMNS)

    def parse(path: str) -> tuple[object, ...]:
        folder, slash, name = path.rpartition("/")
        view = layout.parse(folder + slash, name)
        if view == OTHER:
            view = parse_bare(layout, folder + slash, name)
        # a scan never yields such a path, and it could point outside the tree
        is_below = not {"", ".", ".."} & {*path.split("/")}
        return tuple(view) if isinstance(view, View) and is_below else nulls

    schema = {name: SCHEMA[name] for name in _PATH_COLUMNS}
    return pl.DataFrame([parse(path) for path in paths], schema=schema, orient="row")


def _check_groups(lake: Lake, layout: Layout) -> Iterator[str]:
    # a lake does not hold the patients of excluded DICOM files, so with such files a group may have
    # more members than the manifest and the findings show
    if lake.manifest["study_id"].str.contains(DICOM_STUDY).any():
        for name in ("patient_id", "pixel_digest"):
            wrong = lake.manifest.filter(pl.col("group").n_unique().over(name) > 1)
            if wrong.height:
                yield _describe("group", wrong["view_id"], wrong["group"])
        return
    ties = find_ties(lake.findings)
    image = pl.format("as {}", ties["reference"])
    ends = [
        pl.DataFrame({"patient_id": _parse(ties[end], layout)["patient_id"]}).with_columns(
            ties.select(source_digest=image, pixel_digest=image)
        )
        for end in ("path", "reference")
    ]
    columns = ["patient_id", "source_digest", "pixel_digest"]
    members = pl.concat([lake.manifest.select(columns), *(end.select(columns) for end in ends)])
    groups = group_patients(members.drop_nulls("patient_id")).unique("patient_id")
    rows = lake.manifest.select("view_id", "patient_id", "group").join(
        groups.select("patient_id", expected="group"), on="patient_id", maintain_order="left"
    )
    wrong = rows.filter(pl.col("group") != pl.col("expected"))
    if wrong.height:
        yield _describe("group", wrong["view_id"], wrong["group"], wrong["expected"])


def _describe(
    name: str, views: pl.Series, received: pl.Series, expected: pl.Series | None = None
) -> str:
    should = "" if expected is None else f", expected {expected[0]!r}"
    return (
        f"{count(views.len(), 'views')} with a wrong {name}, such as {views[0]!r}: "
        f"received {received[0]!r}{should}"
    )
