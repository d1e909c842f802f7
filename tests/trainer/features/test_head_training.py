"""Heads are the optimum of a penalized logistic regression; a nested choice is unbiased."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from tests.trainer.scored_tables import scored_table
from trainer.data.group_kfold import assign_folds
from trainer.data.target import abnormal_probability
from trainer.evaluation.comparing.comparison import choose_nested
from trainer.evaluation.estimates import estimate
from trainer.evaluation.metrics import measure_auroc
from trainer.evaluation.scored_table import to_arrays
from trainer.features.head_training import fit_heads
from trainer.features.heads import Examples, Head, cross_entropies, to_probabilities

NUM_CLASSES = 14


def examples(seed: int, num: int, num_features: int = 40, signal: float = 1.0) -> Examples:
    rng = np.random.default_rng(seed)
    labels = (rng.random(num) < 0.3).astype(np.int64)
    embeddings = rng.normal(5, 3, (num, num_features)).astype(np.float32)
    embeddings[:, 0] += 6 * signal * labels
    embeddings[:, 1] = 0
    return Examples(embeddings, labels, np.ones(num, np.float32))


def classes_of(examples: Examples, seed: int, num_classes: int = NUM_CLASSES) -> Examples:
    """Give each example one of several parts that its embedding tells, besides its label."""
    parts = np.random.default_rng(seed).integers(0, num_classes // 2, len(examples.classes))
    embeddings = examples.embeddings.copy()
    embeddings[np.arange(len(parts)), 10 + parts] += 12
    return Examples(embeddings, 2 * parts + examples.classes, examples.weights)


def weighted(train: Examples) -> Examples:
    weights = np.random.default_rng(2).uniform(0.1, 3, len(train.classes)).astype(np.float32)
    return Examples(train.embeddings, train.classes, weights)


def fit_one(train: Examples, decay: float = 300, num_outputs: int = 1) -> Head:
    (head,) = fit_heads([train], [decay], num_outputs)
    return head


def penalized_loss(head: Head, train: Examples, decay: float) -> float:
    """Return the sum of the losses plus half the decay times the squared standardized weights."""
    scale = np.maximum(train.embeddings.std(axis=0), 0.01)
    entropies = cross_entropies(head.logits(train.embeddings), train.classes)
    penalty = 0.5 * decay * float(((head.kernel * scale[:, None]) ** 2).sum())
    return float(train.weights @ entropies) + penalty


@pytest.mark.parametrize("num_outputs", [1, NUM_CLASSES])
def test_no_step_away_from_the_head_lowers_the_penalized_loss(num_outputs: int) -> None:
    train = weighted(examples(0, 500))
    if num_outputs > 1:
        train = classes_of(train, seed=3)
    head = fit_one(train, 100, num_outputs)
    lowest, rng = penalized_loss(head, train, 100), np.random.default_rng(1)
    scale = np.maximum(train.embeddings.std(axis=0), 0.01)[:, None]
    for _ in range(30):
        kernel = rng.normal(0, 0.02, head.kernel.shape).astype(np.float32) / scale
        # the shift of the bias keeps the mean logit
        bias = head.bias - train.embeddings.mean(axis=0) @ kernel
        other = Head(head.kernel + kernel, bias.astype(np.float32))
        assert penalized_loss(other, train, 100) > lowest


def test_classes_of_part_and_label_are_told_apart() -> None:
    train = classes_of(examples(0, 900), seed=3)
    probabilities = to_probabilities(fit_one(train, 100, NUM_CLASSES).logits(train.embeddings))
    assert (probabilities.argmax(axis=1) == train.classes).mean() > 0.7
    abnormal = abnormal_probability(probabilities)
    np.testing.assert_allclose(abnormal, probabilities[:, 1::2].sum(axis=1), atol=1e-6)


@pytest.mark.parametrize("present", [[2, 5], [0, 3, 6]])
def test_a_class_without_train_views_is_never_predicted(present: list[int]) -> None:
    train = classes_of(examples(0, 600), seed=3)
    rows = np.isin(train.classes, present)
    few = Examples(train.embeddings[rows], train.classes[rows], train.weights[rows])
    probabilities = to_probabilities(fit_one(few, 10, NUM_CLASSES).logits(few.embeddings))
    absent = np.delete(probabilities, present, axis=1)
    assert absent.max() < 1e-5
    assert (probabilities.argmax(axis=1) == few.classes).mean() > 0.8


def test_equal_variants_count_as_one_view() -> None:
    train = weighted(examples(0, 300))
    alone, repeated = fit_one(train), fit_heads([train] * 4, [300], 1)[0]
    np.testing.assert_allclose(
        repeated.logits(train.embeddings), alone.logits(train.embeddings), atol=1e-2
    )


def test_stronger_decay_makes_smaller_weights() -> None:
    weak, strong = fit_heads([examples(0, 300)], [10, 10_000], 1)
    assert np.abs(strong.kernel).sum() < 0.5 * np.abs(weak.kernel).sum()


def test_embeddings_without_information_give_the_share_of_abnormal() -> None:
    constant = np.full((4, 3), 2, np.float32)
    train = Examples(constant, np.array([0, 1, 1, 1]), np.ones(4, np.float32))
    found = to_probabilities(fit_one(train).logits(constant))
    np.testing.assert_allclose(found, 0.75, atol=1e-3)


def score_noise(seed: int) -> dict[str, Any]:
    """Return the nested score of the best of three feature sets on random labels."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(160) % 2)
    embeddings = rng.normal(size=(160, 60)).astype(np.float32)
    patients = np.arange(160) // 2
    folds = assign_folds(labels, patients, 5, seed)
    tables: list[pl.DataFrame] = []
    for fold in range(5):
        train = folds != fold
        for first in (0, 20, 40):
            part = embeddings[:, first : first + 20]
            known = Examples(part[train], labels[train], np.ones(train.sum(), np.float32))
            logits = fit_one(known, 30).logits(part[~train])[:, 0].astype(np.float64)
            views = np.flatnonzero(~train)
            rows = [
                (f"study{view}", int(labels[view]), float(p))
                for view, p in zip(views, expit(logits), strict=True)
            ]
            facts = {"model": f"features from {first}", "fold": fold, "role": "out_of_fold"}
            table = scored_table(rows, **facts)
            tables.append(table.with_columns(group=pl.Series(patients[views])))
    scored = pl.concat(tables)
    nested = estimate(choose_nested(scored), None, seed)
    best = max(
        measure_auroc(*to_arrays(scored.filter(model=model))) or 0
        for model in scored["model"].unique()
    )
    return {"best": best, "auroc": nested["view_auroc"], **nested["view_intervals"]["auroc"]}


@pytest.mark.slow
def test_a_nested_choice_finds_nothing_in_random_labels_where_the_best_seems_to() -> None:
    found = [score_noise(seed) for seed in range(20)]
    # 17 of 20 or more is the result of 95 % intervals in 98 % of such tests
    assert sum(one["low"] <= 0.5 <= one["high"] for one in found) >= 17
    nested, best = (np.array([one[name] for one in found]) for name in ("auroc", "best"))
    error = nested.std(ddof=1) / np.sqrt(len(found))
    assert abs(nested.mean() - 0.5) < 2.5 * error
    # the uncorrected score of the best candidate is above chance by its choice alone
    assert best.mean() > 0.52
