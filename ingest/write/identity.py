"""Patient and study of a view whose file names them, as columns of the manifest."""

import hashlib
from typing import Any

from shared.images.radiograph import Radiograph

IDENTITY = ("patient_id", "study_id")
DICOM_STUDY = r"(^|/)dicom-[0-9a-f]{32}$"
"""Pattern of the `study_id` of a DICOM file."""


def identify(radiograph: Radiograph) -> dict[str, Any]:
    """Return the columns of `IDENTITY`; None if the file does not name patient or study.

    Identifiers are hashed: a lake contains no name, birth date or number of a patient.
    """
    # a file without a study is the only one of its patient that is certain to belong to it
    named = radiograph.study or (radiograph.patient is not None and str(radiograph.patient))
    if not named:
        return dict.fromkeys(IDENTITY)
    digest = hashlib.blake2b(named.encode(), digest_size=16).hexdigest()
    return {"patient_id": radiograph.patient, "study_id": f"dicom-{digest}"}
