"""Recognition of the official valid split, for comparison with published results."""

import hashlib

import polars as pl

# SHA-256 of the lines `XR_PART/patientNNNNN/studyN,label` of the 1,199 studies, sorted by name, as
# in `valid_labeled_studies.csv` of MURA 1.1
OFFICIAL_DIGEST = "f9b6c02113c3c34808ae9ba74590d08a9e26b1573cbf5116585ce09150a9a1c8"
_NAME = r"^valid/(XR_[A-Z]+/patient\d+/study\d+)_(?:positive|negative)$"


def is_official_valid(rows: pl.DataFrame) -> bool:
    """Return whether a set consists of all studies of the official valid split, as published."""
    # a digest, because a synthetic tree can have the counts of MURA, but not its combinations of
    # patients, body parts and studies
    return digest_studies(rows) == OFFICIAL_DIGEST


def digest_studies(rows: pl.DataFrame) -> str | None:
    """Return the digest of names and labels; None if a study has no name of MURA's valid split."""
    studies = rows.select(name=pl.col("study_id").str.extract(_NAME), label="label").unique()
    if studies["name"].null_count():
        return None
    lines = studies.sort("name", "label").select(pl.format("{},{}", "name", "label")).to_series()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
