"""Patient and study of a view whose file names them, as columns of the manifest."""

import hashlib
from typing import Any

from shared.images.radiograph import Radiograph

IDENTITY = ("patient_id", "study_id")
# pattern of the `study_id` of a DICOM file
DICOM_STUDY = r"(^|/)dicom-[0-9a-f]{32}$"


def identify(radiograph: Radiograph) -> dict[str, Any]:
    """Return the columns of `IDENTITY`; None if the file does not name patient or study."""
    # a file without a study is the only one of its patient that is certain to belong to it
    named = radiograph.study or (radiograph.patient is not None and str(radiograph.patient))
    if not named:
        return dict.fromkeys(IDENTITY)
    # a lake contains no name, birth date or number of a patient
    digest = hashlib.blake2b(named.encode(), digest_size=16).hexdigest()
    return {"patient_id": radiograph.patient, "study_id": f"dicom-{digest}"}
