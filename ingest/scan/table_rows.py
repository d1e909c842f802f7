"""The meaning of a table's rows: label, body part and split of an image."""

from collections.abc import Callable, Mapping

import polars as pl

from ingest.scan.table_patients import read_patients
from ingest.sources.table_layout import TableOptions
from ingest.sources.words import SPLIT_WORDS, plain, read_part
from shared.errors import SourceError
from shared.labels import SPLITS
from shared.printable import printable

_CONTRADICTED = ("label", "patient_id", "split", "body_part")
_SHOWN = 5
_SHOWN_CHARS = 40


def read_rows(rows: pl.DataFrame, options: TableOptions) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the fields of views for each row, and the number of ignored images by kind.

    Args:
        rows: columns `view_id`, `path` and the roles of the table.

    Raises:
        SourceError: no label, split or body part can be read, or no patient matches the pattern.
    """
    ignored: dict[str, int] = {}
    read_label = _by_word(options.words.labels)
    rows = _read(rows, "label", read_label, ignored, 'labels="abnormal=NAME normal=NAME"')
    rows = _read_splits(rows, options, ignored)
    if "part" in rows.columns:
        option = "body_part=NAME without a column of parts"
        rows = _read(rows, "part", read_part, ignored, option).rename({"part": "body_part"})
    else:
        rows = rows.with_columns(body_part=pl.lit(options.body_part))
    rows = read_patients(rows, options)
    chosen = rows.filter(pl.col("split").is_in(options.splits))
    return chosen.select(
        "view_id", "split", "body_part", "label", "patient_id", "study_id"
    ), ignored


def _by_word(meanings: Mapping[str, object]) -> Callable[[str], object]:
    return lambda text: meanings.get(plain(text))


def _read(
    rows: pl.DataFrame,
    role: str,
    read: Callable[[str], object],
    ignored: dict[str, int],
    option: str,
) -> pl.DataFrame:
    """Replace the texts of a role by their meanings; count rows without one, and leave them out."""
    # each distinct text is read once: a table of a million rows has a few words
    meanings = {text: read(text) for text in rows[role].drop_nulls().unique()}
    dtype = pl.Int64 if role == "label" else pl.String
    meaning = pl.col(role).replace_strict(meanings, default=None, return_dtype=dtype)
    unknown = rows.filter(meaning.is_null())
    if unknown.is_empty():
        return rows.with_columns(meaning)
    counts = unknown.group_by(pl.col(role).fill_null("")).agg(pl.len()).sort(["len", role])
    shown = [
        f"{printable(value[:_SHOWN_CHARS])!r} ({number:,})"
        for value, number in counts.reverse().head(_SHOWN).iter_rows()
    ]
    more = f" and {counts.height - _SHOWN:,} more" if counts.height > _SHOWN else ""
    values = f"{', '.join(shown)}{more}"
    if unknown.height == rows.height:
        raise SourceError(
            f"Expected a known {role} in the table, or {option}. Received: {role} {values}"
        )
    ignored[f"rows with an unknown {role} ({option}): {values}"] = unknown.height
    return rows.with_columns(meaning).drop_nulls(role)


def _read_splits(
    rows: pl.DataFrame, options: TableOptions, ignored: dict[str, int]
) -> pl.DataFrame:
    if "split" not in rows.columns:
        if not options.draws_test:
            raise SourceError(
                "Expected a column of the split (columns=split=NAME), or test_share=0.2, which "
                f"draws a test by patient. Received: {options.folder.where(options.name)}"
            )
        return rows.with_columns(split=pl.lit(SPLITS[0]))
    found = {plain(value) for value in rows["split"].unique() if value is not None}
    valid = sorted(word for word in found if SPLIT_WORDS.get(word) == SPLITS[1])
    if len(valid) > 1 and options.words.splits == SPLIT_WORDS:
        raise SourceError(
            'Expected one test, or an option such as splits="train=train,val valid=test". '
            f"Received: the splits {', '.join(sorted(found))}"
        )
    read_split = _by_word(options.words.splits)
    return _read(rows, "split", read_split, ignored, 'splits="train=NAME valid=NAME"')


def unite_rows(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return one row a file, and rejects for files whose rows contradict each other."""
    numbers = [pl.col(name).n_unique().alias(f"num_{name}") for name in _CONTRADICTED]
    united = rows.group_by("view_id").agg(
        *(pl.col(name).min() for name in rows.columns if name != "view_id"), *numbers
    )
    reasons = (
        pl.when(pl.col(f"num_{name}") > 1).then(pl.lit(f"contradictory_{name.removesuffix('_id')}"))
        for name in _CONTRADICTED
    )
    united = united.with_columns(reason=pl.coalesce(*reasons))
    rejects = united.drop_nulls("reason").select(
        path="view_id", reason="reason", detail=pl.lit("rows of the table differ")
    )
    return united.filter(pl.col("reason").is_null()), rejects
