"""The manifest: one row a view, and where in which shard its pixels begin."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from shared.layout import is_own_path, shard_path
from shared.vocabulary import BODY_PARTS, LABEL_NAMES, SPLITS

SCHEMA: dict[str, type[pl.DataType]] = {
    "view_id": pl.String,
    "split": pl.String,
    "body_part": pl.String,
    "label": pl.Int64,
    "patient_id": pl.Int64,
    "study_id": pl.String,
    "group": pl.Int64,
    "source_bytes": pl.Int64,
    "source_digest": pl.String,
    "width_px": pl.Int64,
    "height_px": pl.Int64,
    "channels": pl.Int64,
    "mean": pl.Float64,
    "std": pl.Float64,
    "pixel_digest": pl.String,
    "shard": pl.String,
    "record_index": pl.Int64,
    "record_offset": pl.Int64,
    "record_crc32c": pl.Int64,
    "image_offset": pl.Int64,
    "image_bytes": pl.Int64,
    "image_crc32c": pl.Int64,
}
"""Columns and types of a manifest. `patient_id`: the bare number, or a hash of a name that is none;
`study_id`: in MURA `view_id` without the file, in folders by label split, label and patient, or
`view_id`; `group`: smallest patient number of patients who share an image, which
is one `pixel_digest`; `source_*`,
`width_px`, `height_px`, `channels`: of the file as found; `mean`, `std`, `pixel_digest`: of the
stored pixels; `shard`: path inside the lake; `*_offset`: bytes from the start of the shard;
`record_crc32c`: of the record's payload."""

PARTITION_COLUMNS = ("split", "body_part", "label")
"""These stand in the folders' names, Hive-style, and not in the files."""

_LABELS = [str(label) for label in range(len(LABEL_NAMES))]

REJECTS_SCHEMA: dict[str, type[pl.DataType]] = {
    "path": pl.String,
    "reason": pl.String,
    "detail": pl.String,
}
"""Files that did not get in: path below the tree's root, a word for tables, what was found."""

FINDINGS_SCHEMA: dict[str, type[pl.DataType]] = {
    "kind": pl.String,
    "path": pl.String,
    "detail": pl.String,
}
"""What is odd about the tree: a word for tables, the view or study, what was found."""


def partition_folder(split: str, body_part: str, label: int) -> str:
    """Return the Hive-style folder of a partition, e.g. `split=train/body_part=hand/label=1`."""
    return f"split={split}/body_part={body_part}/label={label}"


def encode_partitions(manifest: pl.DataFrame) -> Iterator[tuple[str, bytes, int]]:
    """Yield folder, Parquet bytes and number of views of each partition, sorted by `view_id`.

    The same rows give the same bytes.
    """
    manifest = manifest.sort("view_id")
    partitions = manifest.select(PARTITION_COLUMNS).unique().sort(PARTITION_COLUMNS)
    # one after the other: together they take as much memory as the manifest again
    for split, body_part, label in partitions.iter_rows():
        rows = manifest.filter(split=split, body_part=body_part, label=label)
        folder = partition_folder(split, body_part, label)
        yield folder, encode_table(rows.drop(PARTITION_COLUMNS)), rows.height


def encode_table(table: pl.DataFrame) -> bytes:
    """Encode a table as Parquet, the same table always to the same bytes.

    The types are those that every Parquet reader knows: no large strings, no views.
    """
    # slow to import, and a lake that is as it should be needs none of it
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[pl.DataType, pa.DataType] = {
        pl.String(): pa.string(),
        pl.Int64(): pa.int64(),
        pl.Float64(): pa.float64(),
    }
    plain = pa.schema([pa.field(name, types[dtype]) for name, dtype in table.schema.items()])
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, plain, compression="zstd") as writer:
        writer.write_table(table.to_arrow().cast(plain))
    return sink.getvalue()


def decode_table(encoded: bytes, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Read a table's Parquet bytes back: the columns of a schema, without nulls.

    Raises:
        ValueError: the bytes are not such a table.
    """
    from shared.parquet import read_table

    table = read_table(encoded, schema).select(schema.keys())
    for name in schema:
        if num_nulls := table[name].null_count():
            raise ValueError(f"expected a value of {name} in each row, received {num_nulls} nulls")
    return table


def decode_partition(folder: str, encoded: bytes) -> pl.DataFrame:
    """Read one partition's Parquet bytes back, its folder's columns included.

    Raises:
        ValueError: the bytes are not a partition's, or name shards of another one.
    """
    values = dict(part.split("=", 1) for part in Path(folder).parts[-len(PARTITION_COLUMNS) :])
    split, body_part, label = (values[name] for name in PARTITION_COLUMNS)
    if split not in SPLITS or body_part not in BODY_PARTS or label not in _LABELS:
        raise ValueError(f"{folder} is not the folder of a partition")
    own = {name: dtype for name, dtype in SCHEMA.items() if name not in PARTITION_COLUMNS}
    rows = decode_table(encoded, own)
    folder = partition_folder(split, body_part, int(label))
    for shard in rows["shard"].unique():
        if shard != shard_path(folder, Path(shard).stem) or not is_own_path(shard):
            raise ValueError(f"{shard!r} is not the path of a shard of {folder}")
    return rows.with_columns(
        pl.lit(value).cast(SCHEMA[name]).alias(name) for name, value in values.items()
    ).select(SCHEMA.keys())


def concat(partitions: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return one manifest in the order of `view_id`, also of no partitions at all."""
    return pl.concat([pl.DataFrame(schema=SCHEMA), *partitions]).sort("view_id")
