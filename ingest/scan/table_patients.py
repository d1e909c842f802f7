"""The patient and the study of each row of a table."""

import re

import polars as pl

from ingest.sources.table_layout import TableOptions
from ingest.sources.words import find_patient, number_of, read_identifier
from shared.console import note
from shared.counts import count
from shared.errors import SourceError
from shared.lake.manifest import label_name

_NO_PATIENTS = (
    "warning: the table has no column of patients (columns=patient=NAME), so each image counts as "
    "a patient; images of one patient can be in training and test, and results can be too good"
)


def read_patients(rows: pl.DataFrame, options: TableOptions) -> pl.DataFrame:
    """Add `patient_id` and `study_id`; a row without a patient is one of its own.

    Raises:
        SourceError: the pattern of patients does not match.
    """
    study = _read_text(rows, "study")
    patient = (
        _find_patients(rows, options.patient) if options.patient else _read_text(rows, "patient")
    )
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
    label = label_name(pl.col("label"))
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
    texts = rows["patient" if "patient" in rows.columns else "view_id"]
    found = [find_patient(pattern, text or "") for text in texts]
    unmatched = [text for text, patient in zip(texts, found, strict=True) if not patient]
    if unmatched:
        raise SourceError(
            "Expected patient= to match the patient of every row. Received: "
            f"{count(len(unmatched), 'rows')} without a match, such as {unmatched[0]!r}"
        )
    return pl.Series("patient", found, pl.String)
