"""Patient, study and kind of a DICOM file."""

import hashlib
import re

from pydicom import Dataset
from pydicom.uid import UID

from shared.errors import ImageError
from shared.images.dicom.values import read_text
from shared.images.radiograph import NO_IMAGE

_UID = re.compile(r"[0-9.]{1,64}")


def read_study(dataset: Dataset) -> str:
    """Return the StudyInstanceUID, or an empty string; text that is no UID is hashed."""
    study = read_text(dataset, "StudyInstanceUID")
    if not study or _UID.fullmatch(study):
        return study
    return hashlib.blake2b(study.encode(), digest_size=16).hexdigest()


def hash_patient(dataset: Dataset) -> int | None:
    """Return a hash of PatientID and its issuer, 0 to 2 ** 63 - 1, or None if it is unknown."""
    patient = read_text(dataset, "PatientID")
    if patient:
        return _hash(f"{read_text(dataset, 'IssuerOfPatientID')}\0{patient}")
    # without a PatientID, the study stands for the patient
    study = read_study(dataset)
    return _hash(f"study\0{study}") if study else None


def _hash(text: str) -> int:
    # one bit less than 64, because polars and Parquet readers expect signed integers
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def read_class(dataset: Dataset) -> UID:
    """Return the SOP class, or an empty UID."""
    meta = dataset.file_meta
    return UID(read_text(dataset, "SOPClassUID") or read_text(meta, "MediaStorageSOPClassUID"))


def refuse_other_objects(dataset: Dataset) -> None:
    """Refuse reports, presentation states, directories and other objects that are not images.

    Raises:
        ImageError: reason `no_image`.
    """
    # the names of all image classes of PS3.6, table A-1, contain 'Image Storage'; unknown and
    # private classes are accepted
    kind = read_class(dataset)
    if kind.type == "SOP Class" and "Image Storage" not in kind.name:
        raise ImageError(NO_IMAGE, kind.name)
