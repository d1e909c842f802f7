"""Heads find what there is to find, alone or among others, and stop when validation says so."""

from typing import Any

import numpy as np
import pytest

from trainer.features.head_training import TrainedHead, fit_heads
from trainer.features.heads import (
    Classes,
    Examples,
    Matrix,
    abnormal_probability,
    measure_logits,
    to_probabilities,
)
from trainer.models.candidates import Candidate, HeadKind
from trainer.options import TrainOptions

NUM_CLASSES = 14


def examples(seed: int, num: int, num_features: int = 40, signal: float = 1.0) -> Examples:
    rng = np.random.default_rng(seed)
    labels = (rng.random(num) < 0.3).astype(np.int64)
    embeddings = rng.normal(5, 3, (num, num_features)).astype(np.float32)
    embeddings[:, 0] += 6 * signal * labels
    embeddings[:, 1] = 0
    return Examples(embeddings, labels, np.ones(num, np.float32))


def classes_of(examples: Examples, seed: int) -> Examples:
    """Give each example one of seven parts that its embedding tells, besides its label."""
    parts = np.random.default_rng(seed).integers(0, NUM_CLASSES // 2, len(examples.classes))
    embeddings = examples.embeddings.copy()
    embeddings[np.arange(len(parts)), 10 + parts] += 12
    return Examples(embeddings, 2 * parts + examples.classes, examples.weights)


def fit_one(
    train: Examples,
    validation: Examples,
    options: TrainOptions,
    head: HeadKind = "linear",
    decay: float = 3000,
    num_outputs: int = 1,
) -> TrainedHead:
    (fitted,) = fit_heads(train, validation, [Candidate("m", head, decay)], num_outputs, options)
    return fitted


def fit_peer(train: Examples, decay: float) -> tuple[Any, Matrix]:
    from sklearn.linear_model import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        LogisticRegression,
    )

    mean, std = train.embeddings.mean(axis=0), np.maximum(train.embeddings.std(axis=0), 0.01)
    features = (train.embeddings - mean) / std
    peer: Any = LogisticRegression(C=1 / decay, tol=1e-8, max_iter=1000)
    peer.fit(features, train.classes, sample_weight=train.weights)
    return peer, features


def weighted(train: Examples) -> Examples:
    weights = np.random.default_rng(2).uniform(0.1, 3, len(train.classes)).astype(np.float32)
    return Examples(train.embeddings, train.classes, weights)


@pytest.mark.parametrize("has_weights", [False, True])
def test_the_optimum_is_that_of_a_penalized_logistic_regression(has_weights: bool) -> None:
    train = weighted(examples(0, 500)) if has_weights else examples(0, 500)
    fitted = fit_one(train, train, TrainOptions(epochs=200, patience=200))
    peer, features = fit_peer(train, 3000)
    expected = peer.predict_proba(features)
    logits = fitted.head.logits(train.embeddings)
    np.testing.assert_allclose(to_probabilities(logits)[:, 0], expected[:, 1], atol=1e-3)
    assert fitted.rows[-1]["auroc"] > 0.9


def test_as_many_classes_as_asked_for_are_told_apart() -> None:
    train = classes_of(weighted(examples(0, 900)), seed=3)
    options = TrainOptions(epochs=300, patience=300)
    fitted = fit_one(train, train, options, decay=100, num_outputs=NUM_CLASSES)
    peer, features = fit_peer(train, 100)
    probabilities = to_probabilities(fitted.head.logits(train.embeddings))
    assert probabilities.shape == (900, NUM_CLASSES)
    own = peer.predict_proba(features)[np.arange(900), train.classes]
    expected = np.average(-np.log(own), weights=train.weights)
    # the last epoch is the optimum; the best by the loss without its penalty is an earlier one
    assert fitted.rows[-1]["loss"] == pytest.approx(expected, rel=1e-3)
    abnormal = abnormal_probability(probabilities)
    np.testing.assert_allclose(abnormal, probabilities[:, 1::2].sum(axis=1), atol=1e-6)
    assert fitted.rows[-1]["accuracy"] > 0.7
    assert fitted.rows[-1]["auroc"] > 0.9


def exclusive_or(seed: int, num: int) -> Examples:
    """Make labels that no linear head can tell: abnormal where two features differ in sign."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(0, 1, (num, 6)).astype(np.float32)
    classes: Classes = (embeddings[:, 0] * embeddings[:, 1] < 0).astype(np.int64)
    return Examples(embeddings, classes, np.ones(num, np.float32))


@pytest.mark.parametrize("num_outputs", [1, 2])
def test_hidden_units_tell_what_no_linear_head_can(num_outputs: int) -> None:
    sets = exclusive_or(0, 1500), exclusive_or(1, 500)
    options = TrainOptions(epochs=100, patience=20)
    auroc: dict[str, float] = {}
    for head in ("linear", "hidden"):
        fitted = fit_one(*sets, options, head, 1.0, num_outputs)
        auroc[head] = fitted.best["val_auroc"]
        measured = measure_logits(fitted.head.logits(sets[1].embeddings), sets[1])
        assert measured["loss"] == pytest.approx(fitted.best["val_loss"], rel=1e-3)
        assert measured["auroc"] == pytest.approx(fitted.best["val_auroc"], abs=1e-3)
    assert auroc["linear"] < 0.65
    assert auroc["hidden"] > 0.95


def test_a_candidate_is_the_same_alone_and_among_others() -> None:
    train, validation = examples(0, 300), examples(1, 100)
    candidates = [Candidate("m", head, d) for head in ("linear", "hidden") for d in (10, 1000)]
    for candidate, among in zip(
        candidates, fit_heads(train, validation, candidates, 1, TrainOptions()), strict=True
    ):
        (alone,) = fit_heads(train, validation, [candidate], 1, TrainOptions())
        for name, weights in vars(among.head).items():
            np.testing.assert_array_equal(weights, getattr(alone.head, name))


def test_stronger_decay_makes_smaller_weights() -> None:
    train = examples(0, 300)
    for head in ("linear", "hidden"):
        weak, strong = (fit_one(train, train, TrainOptions(), head, d).head for d in (10, 10_000))
        assert np.abs(strong.kernel).sum() < 0.5 * np.abs(weak.kernel).sum()


def test_the_best_epoch_by_validation_loss_is_kept() -> None:
    train, validation = examples(0, 60, 400, signal=0.1), examples(1, 60, 400, signal=0)
    fitted = fit_one(train, validation, TrainOptions(epochs=30, patience=2))
    losses = [row["val_loss"] for row in fitted.rows]
    assert np.argmin(losses) == len(losses) - 3
    logits = fitted.head.logits(validation.embeddings)[:, 0]
    loss = np.logaddexp(0, logits * (1 - 2 * validation.classes)).mean()
    assert loss == pytest.approx(min(losses), rel=1e-5)


def test_embeddings_that_say_nothing_give_the_share_of_abnormal() -> None:
    constant = np.full((4, 3), 2, np.float32)
    train = Examples(constant, np.array([0, 0, 1, 1]), np.ones(4, np.float32))
    fitted = fit_one(train, train, TrainOptions())
    assert [row["epoch"] for row in fitted.rows] == [1]
    np.testing.assert_allclose(to_probabilities(fitted.head.logits(constant)), 0.5)


def test_validation_of_one_label_has_no_auroc() -> None:
    validation = Examples(
        np.zeros((3, 40), np.float32), np.array([1, 1, 1]), np.ones(3, np.float32)
    )
    fitted = fit_one(examples(0, 50), validation, TrainOptions())
    assert fitted.best["val_auroc"] is None
