"""Published results on MURA, and recognition of the official valid split to compare with them."""

import hashlib
from dataclasses import dataclass

import polars as pl

from trainer.evaluation.metrics import Measures
from trainer.report.text.formatting import number

# SHA-256 of the lines `XR_PART/patientNNNNN/studyN,label` of the 1,199 studies, sorted by name, as
# in `valid_labeled_studies.csv` of MURA 1.1
OFFICIAL_DIGEST = "f9b6c02113c3c34808ae9ba74590d08a9e26b1573cbf5116585ce09150a9a1c8"
_NAME = r"^valid/(XR_[A-Z]+/patient\d+/study\d+)_(?:positive|negative)$"

_VALID = "official valid split, 1,199 studies"
_HIDDEN = "hidden test set, 207 studies; majority of three radiologists as label"
_RAJPURKAR = "Rajpurkar et al. 2017, arXiv:1712.06957"
_HOUNKANRIN = "github.com/ahounkanrin/densenet-mura-tensorflow"
_ILIAS_ANT = "github.com/ilias-ant/x-ray-abnormality-detection"


@dataclass(frozen=True)
class Published:
    """A published result by study; `auroc` is None if it is not published."""

    model: str
    kappa: float
    auroc: float | None
    set: str
    source: str


_MEAN_OF_FIVE = "DenseNet-169 at 320 px, fine-tuned, mean of five"
_BY_PART = "DenseNet-169, fine-tuned, one for each body part"
PUBLISHED = (
    Published(_MEAN_OF_FIVE, 0.705, 0.929, _HIDDEN, _RAJPURKAR),
    Published("best of three radiologists", 0.778, None, _HIDDEN, _RAJPURKAR),
    Published(_BY_PART, 0.656, 0.880, _VALID, _HOUNKANRIN),
    Published("DenseNet-201, fine-tuned", 0.645, None, _VALID, _ILIAS_ANT),
    Published("DenseNet-169, fine-tuned", 0.602, 0.863, _VALID, _HOUNKANRIN),
)


def list_published(test: pl.DataFrame) -> tuple[Published, ...]:
    """Return the results to compare with: none unless the set is the whole official valid split."""
    return PUBLISHED if is_official_valid(test) else ()


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


def on_published(measures: Measures) -> str:
    """Explain the precision of a study kappa, and the differences between the sets."""
    sentences: list[str] = []
    if error := measures["study_kappa_standard_error"]:
        sentences.append(
            f"The standard error of this study kappa is {number(error)}, from resamples of "
            f"patients. A difference from another model on this set below {number(2 * error)}, two "
            "standard errors, may be chance; just compare tests the difference of two runs."
        )
    sentences.append(
        "The hidden test set has other studies, fewer of them, and other labels, so its kappa "
        "cannot be compared directly. Models of other authors were often selected on the valid "
        "split itself, which makes their results too good."
    )
    return " ".join(sentences)
