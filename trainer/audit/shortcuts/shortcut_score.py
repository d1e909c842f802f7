"""Out-of-fold scores of features that should not predict the label."""

from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from trainer.evaluation.binary_metrics import Floats
from trainer.evaluation.bootstrap import Interval, interval
from trainer.evaluation.estimates import resample_rows
from trainer.evaluation.metrics import measure_auroc
from trainer.evaluation.scored_table import to_arrays
from trainer.features.head_training import fit_heads
from trainer.features.heads import Examples, Matrix, to_probabilities
from trainer.report.text.formatting import with_interval

ALARM_AUROC = 0.6
"""A score is an alarm if the lower bound of its 95 % CI is above this value."""


@dataclass(frozen=True)
class Score:
    """An AUROC by view with its 95 % confidence interval.

    Attributes:
        auroc: None if a label is missing.
        bounds: None with fewer than 20 patient groups.
    """

    name: str
    auroc: float | None
    bounds: Interval | None

    @property
    def text(self) -> str:
        """The AUROC with its interval, e.g. `0.804 [0.72, 0.88]`."""
        return with_interval(self.auroc, asdict(self.bounds) if self.bounds else None)

    @property
    def is_alarm(self) -> bool:
        """Whether the features predict the label clearly better than chance."""
        return self.bounds is not None and self.bounds.low > ALARM_AUROC


def score_features(name: str, features: Matrix, views: pl.DataFrame, weight_decay: float) -> Score:
    """Score a logistic regression on features, on the folds of the run.

    Args:
        features: float32 (views, n).
        views: `label`, `group` and `fold` of each view.
    """
    probability = pl.Series(predict_folds(features, views, weight_decay))
    return measure_score(name, views.with_columns(probability=probability))


def predict_folds(features: Matrix, views: pl.DataFrame, weight_decay: float) -> Floats:
    """Return the probability of abnormal of each view by the fit to the other folds, (views,).

    Args:
        features: float32 (views, n).
        views: `label` and `fold` of each view.
    """
    folds, labels = views["fold"].to_numpy(), views["label"].to_numpy()
    # 0.5 stays where the other folds have one label only
    probabilities = np.full(labels.shape, 0.5)
    for fold in np.unique(folds):
        train = folds != fold
        if np.unique(labels[train]).size < 2:
            continue
        weights = np.ones(int(train.sum()), np.float32)
        (head,) = fit_heads([Examples(features[train], labels[train], weights)], [weight_decay], 1)
        probabilities[~train] = to_probabilities(head.logits(features[~train]))[:, 0]
    return probabilities


def measure_score(name: str, views: pl.DataFrame) -> Score:
    """Return the AUROC of `probability`, with an interval over resamples of patient groups."""
    drawn = resample_rows(views)
    return Score(name, measure_auroc(*to_arrays(views)), interval(drawn.auroc) if drawn else None)
