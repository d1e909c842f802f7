"""Published results on MURA, shown beside those of a run on the official valid split."""

from dataclasses import dataclass

import polars as pl

from trainer.evaluation.metrics import Measures
from trainer.evaluation.official_valid import is_official_valid
from trainer.report.text.formatting import number

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
