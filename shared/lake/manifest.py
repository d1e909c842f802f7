"""Manifest schema, with one row per view, and its Parquet encoding."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from shared.labels import LABEL_NAMES, SPLITS, is_part
from shared.lake.layout import is_own_path, shard_path

Schema = dict[str, type[pl.DataType]]

# the columns of a manifest, described in docs/lake-format.md
SCHEMA: Schema = {
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

# optional column, Int64, of a lake with corrected labels: the label before the correction
PUBLISHED = "label_as_published"

# in the Hive-style folder names and not in the Parquet files
PARTITION_COLUMNS = ("split", "body_part", "label")

_LABELS = [str(label) for label in range(len(LABEL_NAMES))]

# path relative to the source, reason code, and details
REJECTS_SCHEMA: Schema = dict.fromkeys(("path", "reason", "detail"), pl.String)

# kind, path of the view or study, and details
FINDINGS_SCHEMA: Schema = dict.fromkeys(("kind", "path", "detail"), pl.String)


def label_name(label: pl.Expr) -> pl.Expr:
    """Return the names of labels; null stays null."""
    return label.replace_strict(dict(enumerate(LABEL_NAMES)), return_dtype=pl.String)


def partition_folder(split: str, body_part: str, label: int) -> str:
    """Return the Hive-style folder of a partition, e.g. `split=train/body_part=hand/label=1`."""
    return f"split={split}/body_part={body_part}/label={label}"


def encode_partitions(manifest: pl.DataFrame) -> Iterator[tuple[str, bytes, int]]:
    """Yield the folder, Parquet bytes and view count of each partition, sorted by `view_id`."""
    manifest = manifest.sort("view_id")
    partitions = manifest.select(PARTITION_COLUMNS).unique().sort(PARTITION_COLUMNS)
    # one partition at a time: all together would double the memory of the manifest
    for split, body_part, label in partitions.iter_rows():
        rows = manifest.filter(split=split, body_part=body_part, label=label)
        folder = partition_folder(split, body_part, label)
        yield folder, encode_table(rows.drop(PARTITION_COLUMNS)), rows.height


def encode_table(table: pl.DataFrame) -> bytes:
    """Encode a table as Parquet; equal tables give identical bytes."""
    # pyarrow is slow to import, and reading an intact lake does not need it
    import pyarrow as pa
    import pyarrow.parquet as pq

    # only types that every Parquet reader supports: no large strings, no string views
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


def decode_table(
    encoded: bytes,
    schema: Mapping[str, type[pl.DataType]],
    optional: Mapping[str, type[pl.DataType]] | None = None,
) -> pl.DataFrame:
    """Decode a Parquet table with the columns of a schema, those of `optional` if any, no nulls.

    Raises:
        ValueError: the bytes are not such a table.
    """
    from shared.storage.parquet import read_table

    table = read_table(encoded, schema)
    known = {**schema, **{n: t for n, t in (optional or {}).items() if table.schema.get(n) == t}}
    table = table.select(known.keys())
    for name in known:
        if num_nulls := table[name].null_count():
            raise ValueError(f"expected a value of {name} in each row, received {num_nulls} nulls")
    return table


def decode_partition(folder: str, encoded: bytes) -> pl.DataFrame:
    """Decode one partition, including the partition columns from its folder name.

    Raises:
        ValueError: the bytes are not a partition, or refer to shards of another partition.
    """
    values = dict(part.split("=", 1) for part in Path(folder).parts[-len(PARTITION_COLUMNS) :])
    split, body_part, label = (values[name] for name in PARTITION_COLUMNS)
    if split not in SPLITS or not is_part(body_part) or label not in _LABELS:
        raise ValueError(f"{folder} is not the folder of a partition")
    own = {name: dtype for name, dtype in SCHEMA.items() if name not in PARTITION_COLUMNS}
    rows = decode_table(encoded, own, optional={PUBLISHED: pl.Int64})
    if PUBLISHED in rows.columns and set(rows[PUBLISHED]) - set(range(len(LABEL_NAMES))):
        raise ValueError(f"expected labels in {PUBLISHED}")
    folder = partition_folder(split, body_part, int(label))
    for shard in rows["shard"].unique():
        if shard != shard_path(folder, Path(shard).stem) or not is_own_path(shard):
            raise ValueError(f"{shard!r} is not the path of a shard of {folder}")
    return rows.with_columns(
        pl.lit(value).cast(SCHEMA[name]).alias(name) for name, value in values.items()
    ).select([*SCHEMA, *({PUBLISHED} & {*rows.columns})])
