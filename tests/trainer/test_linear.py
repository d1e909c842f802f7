"""The linear head finds what there is to find, and stops when validation says so."""

from typing import Any

import numpy as np
import pytest

from trainer.linear import Examples, fit_linear, sigmoid
from trainer.options import TrainOptions


def examples(seed: int, num: int, num_features: int = 40, signal: float = 1.0) -> Examples:
    rng = np.random.default_rng(seed)
    labels = (rng.random(num) < 0.3).astype(np.float32)
    embeddings = rng.normal(5, 3, (num, num_features)).astype(np.float32)
    embeddings[:, 0] += 6 * signal * labels
    embeddings[:, 1] = 0
    return embeddings, labels


def test_the_optimum_is_that_of_a_penalized_logistic_regression() -> None:
    from sklearn.linear_model import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        LogisticRegression,
    )

    train = examples(0, 500)
    options = TrainOptions(epochs=200, patience=200)
    linear, rows = fit_linear(train, train, options)
    mean, std = train[0].mean(axis=0), np.maximum(train[0].std(axis=0), 0.01)
    peer: Any = LogisticRegression(C=3e-4, tol=1e-8, max_iter=1000)
    peer.fit((train[0] - mean) / std, train[1])
    np.testing.assert_allclose(linear.weights * std, peer.coef_[0], atol=1e-4)
    expected = peer.predict_proba((train[0] - mean) / std)[:, 1]
    np.testing.assert_allclose(sigmoid(linear.logits(train[0])), expected, atol=1e-3)
    assert rows[-1]["auroc"] > 0.9


def test_the_best_epoch_by_validation_loss_is_kept() -> None:
    train, validation = examples(0, 60, 400, signal=0.1), examples(1, 60, 400, signal=0)
    linear, rows = fit_linear(train, validation, TrainOptions(epochs=30, patience=2))
    losses = [row["val_loss"] for row in rows]
    assert np.argmin(losses) == len(losses) - 3
    logits = linear.logits(validation[0])
    loss = np.logaddexp(0, logits * (1 - 2 * validation[1])).mean()
    assert loss == pytest.approx(min(losses))


def test_embeddings_that_say_nothing_give_the_share_of_abnormal() -> None:
    labels = np.array([0, 0, 1, 1], np.float32)
    constant = np.full((4, 3), 2, np.float32)
    linear, rows = fit_linear((constant, labels), (constant, labels), TrainOptions())
    assert [row["epoch"] for row in rows] == [1]
    np.testing.assert_allclose(sigmoid(linear.logits(constant)), 0.5)
