"""The meaning of a table's rows: label, patient, study, body part and split of an image."""

import re
from collections.abc import Callable

import polars as pl

from ingest.sources.folders import find_patient, number_of
from ingest.sources.table_layout import TableOptions
from ingest.sources.words import SPLIT_WORDS, plain, read_identifier, read_part
from shared.console import note
from shared.counts import count
from shared.errors import SourceError
from shared.labels import LABEL_NAMES, SPLITS
from shared.printable import printable

_SHOWN = 5
_SHOWN_CHARS = 40
_NO_PATIENTS = (
    "warning: the table has no column of patients (columns=patient=NAME), so each image counts as "
    "a patient; images of one patient can be in training and test, and results can be too good"
)


def read_rows(rows: pl.DataFrame, options: TableOptions) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the fields of views for each row, and the number of ignored images by kind.

    Args:
        rows: columns `view_id`, `path` and the roles of the table.

    Raises:
        SourceError: no label, split or body part can be read, or the pattern of patients does not
            match.
    """
    ignored: dict[str, int] = {}
    rows = rows.with_columns(_read_column(rows, "label", options.words.labels.get))
    rows = _drop_unknown(rows, "label", ignored, 'labels="abnormal=NAME normal=NAME"')
    rows = _read_splits(rows, options, ignored)
    if "part" in rows.columns:
        rows = rows.with_columns(_read_column(rows, "part", read_part))
        rows = _drop_unknown(rows, "part", ignored, "body_part=NAME without a column of parts")
        rows = rows.rename({"part_read": "body_part"})
    else:
        rows = rows.with_columns(body_part=pl.lit(options.body_part))
    rows = _read_patients(rows.rename({"label": "label_text", "label_read": "label"}), options)
    chosen = rows.filter(pl.col("split").is_in(options.splits))
    return chosen.select(
        "view_id", "split", "body_part", "label", "patient_id", "study_id"
    ), ignored


def _read_column(rows: pl.DataFrame, role: str, read: Callable[[str], object]) -> pl.Series:
    """Return the column `ROLE_read`: each distinct text read once, null if that fails."""
    is_word = role != "part"
    values = [value for value in rows[role].unique() if value is not None]
    meanings = [read(plain(value) if is_word else value) for value in values]
    dtype = pl.Int64 if role == "label" else pl.String
    table = pl.DataFrame(
        {role: values, f"{role}_read": meanings}, {role: pl.String, f"{role}_read": dtype}
    )
    return rows.select(role).join(table, on=role, how="left", maintain_order="left")[f"{role}_read"]


def _drop_unknown(
    rows: pl.DataFrame, role: str, ignored: dict[str, int], option: str
) -> pl.DataFrame:
    """Return the rows with a known value of a role, and count the others by value."""
    unknown = rows.filter(pl.col(f"{role}_read").is_null())
    if unknown.is_empty():
        return rows
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
    return rows.filter(pl.col(f"{role}_read").is_not_null())


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
    rows = rows.with_columns(_read_column(rows, "split", options.words.splits.get))
    rows = _drop_unknown(rows, "split", ignored, 'splits="train=NAME valid=NAME"')
    return rows.drop("split").rename({"split_read": "split"})


def _read_patients(rows: pl.DataFrame, options: TableOptions) -> pl.DataFrame:
    """Add `patient_id` and `study_id`; a row without a patient is one of its own."""
    texts = {role: _read_text(rows, role) for role in ("patient", "study")}
    if options.patient:
        texts["patient"] = _find_patients(rows, options.patient)
    patient, study = texts["patient"], texts["study"]
    if num_unknown := patient.null_count():
        if num_unknown < rows.height:
            note(
                f"warning: {count(num_unknown, 'rows')} without a patient; "
                "each image is one of its own"
            )
        elif "study" in rows.columns:
            note(_NO_PATIENTS.replace("each image counts", "each study counts"))
        else:
            note(_NO_PATIENTS)
    known = rows.with_columns(
        patient=patient, study=study, owner=pl.Series(patient).fill_null(study)
    ).with_columns(pl.col("owner").fill_null(pl.col("view_id")))
    label = pl.col("label").replace_strict(dict(enumerate(LABEL_NAMES)), return_dtype=pl.String)
    own = pl.when(pl.col("patient").is_null()).then(pl.col("view_id"))
    known = known.with_columns(
        study_id=own.otherwise(pl.format("{}/{}", "patient", label))
        if "study" not in rows.columns
        else pl.format("{}/{}", "owner", pl.col("study").fill_null(pl.col("view_id")))
    )
    # as in folders by label, images of both labels are two studies
    is_mixed = pl.col("label").n_unique().over("study_id") > 1
    study_id = pl.when(is_mixed).then(pl.format("{}/{}", "study_id", label)).otherwise("study_id")
    numbers = {owner: number_of(owner) for owner in known["owner"].unique()}
    return known.with_columns(
        study_id, patient_id=pl.col("owner").replace_strict(numbers, return_dtype=pl.Int64)
    )


def _read_text(rows: pl.DataFrame, role: str) -> pl.Series:
    if role not in rows.columns:
        return pl.Series(role, [None] * rows.height, pl.String)
    return pl.Series(role, [value and read_identifier(value) for value in rows[role]], pl.String)


def _find_patients(rows: pl.DataFrame, pattern: re.Pattern[str]) -> pl.Series:
    """Return the patients that the pattern finds in their column, or in the paths."""
    texts = rows["patient" if "patient" in rows.columns else "view_id"]
    found = [find_patient(pattern, text or "") for text in texts]
    unmatched = [text for text, patient in zip(texts, found, strict=True) if not patient]
    if unmatched:
        raise SourceError(
            "Expected patient= to match the patient of every row. Received: "
            f"{count(len(unmatched), 'rows')} without a match, such as {unmatched[0]!r}"
        )
    return pl.Series("patient", found, pl.String)
