"""Published results on MURA, shown beside those of a run on the official valid split."""

from dataclasses import dataclass

import polars as pl

from trainer.evaluation.metrics import Measures
from trainer.evaluation.official_valid import is_official_valid
from trainer.report.text.formatting import number

_VALID = "official valid split, 1,199 studies"
_HIDDEN = "hidden test set, 207 studies; majority of three radiologists as label"


@dataclass(frozen=True)
class Published:
    """A published result.

    Attributes:
        kappa: cohen's kappa by study.
        auroc: AUROC by study; None if it is not published.
        set: evaluated set, and the origin of its labels.
    """

    model: str
    kappa: float
    auroc: float | None
    set: str
    source: str


PUBLISHED = (
    Published(
        "DenseNet-169 at 320 px, fine-tuned, mean of five",
        0.705,
        0.929,
        _HIDDEN,
        "Rajpurkar et al. 2017, arXiv:1712.06957",
    ),
    Published(
        "best of three radiologists",
        0.778,
        None,
        _HIDDEN,
        "Rajpurkar et al. 2017, arXiv:1712.06957",
    ),
    Published(
        "DenseNet-169, fine-tuned, one for each body part",
        0.656,
        0.880,
        _VALID,
        "github.com/ahounkanrin/densenet-mura-tensorflow",
    ),
    Published(
        "DenseNet-201, fine-tuned",
        0.645,
        None,
        _VALID,
        "github.com/ilias-ant/x-ray-abnormality-detection",
    ),
    Published(
        "DenseNet-169, fine-tuned",
        0.602,
        0.863,
        _VALID,
        "github.com/ahounkanrin/densenet-mura-tensorflow",
    ),
)


def list_published(test: pl.DataFrame) -> tuple[Published, ...]:
    """Return the published results that a test set can be compared with.

    Returns:
        Empty unless the set is the whole official valid split with its published labels.
    """
    return PUBLISHED if is_official_valid(test) else ()


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
