"""Label errors: studies whose label contradicts the predictions of models that never saw them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import pdtrc

from shared.lake.manifest import label_name
from trainer.evaluation.binary_metrics import Floats, Ints

# Columns of `suspects.csv`. `label`: that of the lake, until a person changes it, so that the file
# changes nothing by itself; `published_label`: that before a correction during ingest; `score`:
# calibrated probability of the suggested label; `confirmed`: empty, for a mark by that person.
# `ingest` reads the first two columns.
SUSPECTS_SCHEMA = {
    "study": pl.String,
    "label": pl.String,
    "published_label": pl.String,
    "suggested_label": pl.String,
    "score": pl.Float64,
    "body_part": pl.String,
    "confirmed": pl.String,
}

# a label contradicts strongly if its calibrated probability is below this value
_STRONG = 0.1
_MIN_STRONG = 3
_ALARM_P = 0.01


@dataclass(frozen=True)
class Contradictions:
    """The number of strongly contradicted labels, and the number expected without label errors.

    Attributes:
        observed: studies whose label has a calibrated probability below 0.1.
        p_value: probability of `observed` or more, by the Poisson distribution.
    """

    observed: int
    expected: float
    p_value: float

    @property
    def is_alarm(self) -> bool:
        """Whether there are more contradictions than chance explains."""
        return self.observed >= _MIN_STRONG and self.p_value < _ALARM_P


def find_label_issues(labels: Ints, probabilities: Floats) -> npt.NDArray[np.bool_]:
    """Return the rows whose label confident learning counts as an error, bool (rows,).

    `probabilities` must be out of sample.
    """
    # An error if the probability of another class is at least the mean probability of that class
    # among the rows with its label: the off-diagonal cells of the confident joint (Northcutt, Jiang
    # and Chuang 2021, J. Artif. Intell. Res. 70:1373, equations 1 and 2).
    if len(np.unique(labels)) < 2:
        return np.zeros(labels.shape, np.bool_)
    of_class = np.stack([1 - probabilities, probabilities], axis=1)
    thresholds = np.array([of_class[labels == label, label].mean() for label in (0, 1)])
    is_confident = of_class >= thresholds
    likeliest = np.where(is_confident, of_class, -1).argmax(axis=1)
    return is_confident.any(axis=1) & (likeliest != labels)


def find_suspects(studies: pl.DataFrame) -> pl.DataFrame:
    """Return the studies whose label is suspect, with the columns `SUSPECTS_SCHEMA`.

    Args:
        studies: `study_id`, `label`, `published`, `body_part`, and `calibrated`, the probability
            of abnormal by a model that was not trained on the study.
    """
    # body parts differ in their mean probabilities, the thresholds of confident learning
    parts = [_find_in_part(own) for own in studies.partition_by("body_part")]
    suspects = pl.concat([pl.DataFrame(schema=SUSPECTS_SCHEMA), *parts])
    return suspects.sort("score", "study", descending=[True, False])


def _find_in_part(studies: pl.DataFrame) -> pl.DataFrame:
    labels, probabilities = studies["label"].to_numpy(), studies["calibrated"].to_numpy()
    score = pl.when(label=1).then(1 - pl.col("calibrated")).otherwise("calibrated")
    return studies.filter(find_label_issues(labels, probabilities)).select(
        study="study_id",
        label=label_name(pl.col("label")),
        published_label=label_name(pl.col("published")),
        suggested_label=label_name(1 - pl.col("label")),
        score=score,
        body_part="body_part",
        confirmed=pl.lit(""),
    )


def count_contradictions(labels: Ints, probabilities: Floats) -> Contradictions:
    """Count strongly contradicted labels."""
    of_label = np.where(labels == 1, probabilities, 1 - probabilities)
    # the less likely label of each row, right or not
    of_unlikely = np.minimum(of_label, 1 - of_label)
    observed = int((of_label < _STRONG).sum())
    # the sum of their probabilities, if all labels are right and the model is calibrated
    expected = float(of_unlikely[of_unlikely < _STRONG].sum())
    # pdtrc is the probability of more events than its first argument
    p_value = float(pdtrc(observed - 1, expected)) if observed else 1.0
    return Contradictions(observed, expected, p_value)
