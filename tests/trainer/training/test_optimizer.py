"""Schedules, averages of weights, rates by layer, and a resumed fit with all of them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from shared.lake.open import Lake
from trainer.data.dataset import open_data
from trainer.data.split import plan_final_fit
from trainer.inference.trained_model import TrainedModel, predict
from trainer.options import TrainOptions
from trainer.runs.context import RunContext
from trainer.runs.history import find_best, make_history
from trainer.runs.run_folder import CHECKPOINTS, name_fit
from trainer.training.callbacks import schedule
from trainer.training.checkpoint import Checkpoint, State
from trainer.training.losses import loss_and_metrics
from trainer.training.optimizer import layer_factors, make_optimizer, plateau_factor
from trainer.training.recipe import make_fit
from trainer.training.training_state import TrainingState

pytestmark = pytest.mark.slow

TIMED = ("seconds", "images_per_s", "train_s", "waiting_s")
TITLE = "tuned"
FILE = f"{name_fit(TITLE)}.npz"
STOPPED = 2
"""The epoch after which the resumed fit goes on."""


def _fit(lake: Lake, folder: Path) -> TrainedModel:
    options = TrainOptions(
        lake=str(lake.root),
        part="wrist",
        model="cnn4",
        input_px=32,
        epochs=3,
        batch_size=16,
        learning_rate=0.01,
        augment="strong",
        optimizer="adamw",
        schedule="cosine",
        warmup=0.3,
        ema=0.8,
        clip_norm=1.0,
        label_smoothing=0.1,
        layer_decay=0.9,
        keep="study_auroc",
    )
    data = open_data(options)
    plan = plan_final_fit(data, options.seed)
    context = RunContext(options, data.lake, folder)
    (trained,) = make_fit(context, options.model, plan)(plan, [options.candidate], TITLE)
    return trained


@dataclass(frozen=True)
class Fits:
    """A fit, its states after each epoch, and the same fit resumed."""

    whole: TrainedModel
    states: list[State]
    resumed: TrainedModel


@pytest.fixture(scope="module")
def fits(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Fits:
    folder, other = (tmp_path_factory.mktemp(name) for name in ("whole", "resumed"))
    states: list[State] = []
    write = Checkpoint.write

    def write_and_copy(checkpoint: Checkpoint, state: State) -> None:
        write(checkpoint, state)
        states.append(state)
        if len(states) == STOPPED:
            (other / CHECKPOINTS).mkdir()
            shutil.copy(folder / CHECKPOINTS / FILE, other / CHECKPOINTS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "write", write_and_copy)
        whole = _fit(lake, folder)
    return Fits(whole, states[:-1], _fit(lake, other))


def test_a_resumed_fit_has_the_same_bits(fits: Fits, lake: Lake) -> None:
    assert fits.whole.history.height == 3
    assert fits.resumed.history.drop(TIMED).equals(fits.whole.history.drop(TIMED))
    views = lake.manifest.filter(split="valid", body_part="wrist")
    assert predict([fits.resumed], views).equals(predict([fits.whole], views))


def test_the_average_of_the_weights_is_kept(fits: Fits) -> None:
    # the first epoch is the best so far; its checkpoint also has the weights and their average
    first = fits.states[0]
    num_weights = sum(array.ndim > 0 and array.dtype == np.float32 for array in first.best)
    for kept, weights in zip(first.best[:num_weights], first.current, strict=False):
        assert np.abs(kept - weights).max() > 1e-4
        averages = [array for array in first.current if array.shape == kept.shape]
        assert min(np.abs(array - kept).max() for array in averages) < 1e-6


def test_study_auroc_decides_the_kept_epoch(fits: Fits) -> None:
    history = fits.whole.history
    best = history.filter("is_best").row(0, named=True)
    assert best["val_study_auroc"] == history["val_study_auroc"].max()
    rows = [
        {"epoch": 1, "val_loss": 0.5, "val_study_auroc": 0.8},
        {"epoch": 2, "val_loss": 0.6, "val_study_auroc": 0.9},
        {"epoch": 3, "val_loss": 0.4, "val_study_auroc": 0.9},
        {"epoch": 4, "val_loss": 0.4, "val_study_auroc": 0.9},
    ]
    assert find_best(rows) == 2
    assert make_history(rows)["is_best"].to_list() == [False, False, True, False]
    assert find_best([{"val_loss": 0.5}, {"val_loss": 0.3}, {"val_loss": 0.3}]) == 1
    assert make_history([]).is_empty()


def _network(num_layers: int) -> Any:
    features: Any = keras.Input((4,))
    inputs = features
    for index in range(num_layers):
        features = keras.layers.Dense(4, name=f"layer_{index}")(features)
    return keras.Model(inputs, keras.layers.Dense(1, name="logits")(features))


def test_layers_far_from_the_head_have_lower_rates() -> None:
    factors = layer_factors(_network(20), 0.5)
    # two layers of a kernel and a bias in each of ten parts
    expected = [0.5**part for part in range(10, 0, -1) for _ in range(4)]
    assert factors == pytest.approx([*expected, 1, 1])
    nested = keras.Model(
        (inputs := keras.Input((4,))),
        keras.Sequential([keras.layers.Dense(1)])(keras.layers.Dense(4)(inputs)),
    )
    assert layer_factors(nested, 0.5) == pytest.approx([0.5**10, 0.5**10, 1, 1])


@pytest.mark.parametrize(
    ("schedule", "warmup", "rates"),
    [
        ("constant", 0.0, {0: 1, 50: 1, 100: 1}),
        ("constant", 0.2, {0: 0, 10: 0.5, 20: 1, 100: 1}),
        ("cosine", 0.0, {0: 1, 50: 0.5, 100: 0}),
        ("cosine", 0.2, {0: 0, 10: 0.5, 20: 1, 60: 0.5, 100: 0}),
        # at least the last step is for the decay
        ("cosine", 0.999, {0: 0, 99: 1, 100: 0}),
    ],
)
def test_the_learning_rate_is_a_function_of_the_step(
    schedule: Any, warmup: float, rates: dict[int, float]
) -> None:
    options = TrainOptions(model="cnn4", schedule=schedule, warmup=warmup)
    optimizer: Any = make_optimizer(_network(1), options, 0.25, 100)
    for step, share in rates.items():
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(0.25 * share, abs=1e-7)


def test_the_first_step_has_the_rate_of_its_layer() -> None:
    network, options = _network(1), TrainOptions(model="cnn4", layer_decay=0.5)
    optimizer: Any = make_optimizer(network, options, 0.01, 10)
    before = [np.array(weight) for weight in network.trainable_variables]
    optimizer.apply([np.ones_like(weight) for weight in before], network.trainable_variables)
    steps = [
        float(np.abs(np.asarray(weight) - old).max())
        for weight, old in zip(network.trainable_variables, before, strict=True)
    ]
    # the first step of Adam has the size of the learning rate
    assert steps == pytest.approx([0.01 * 0.5**10] * 2 + [0.01] * 2, rel=0.05)


@pytest.mark.parametrize(
    ("steps_per_epoch", "momentum"),
    # an average over 100 steps needs 200 in an epoch; one over half of 20 has the momentum 0.9
    [(1000, 0.99), (200, 0.99), (20, 0.9), (4, 0.5), (1, 0.0)],
)
def test_the_average_is_of_at_most_half_an_epoch(steps_per_epoch: int, momentum: float) -> None:
    options = TrainOptions(model="cnn4", ema=0.99, epochs=3)
    model = _network(0)
    optimizer: Any = make_optimizer(model, options, 0.01, 3 * steps_per_epoch)
    kernel = model.trainable_variables[0]
    average = np.array(kernel)
    for step in range(5):
        optimizer.apply(
            [np.ones_like(w) for w in model.trainable_variables], model.trainable_variables
        )
        weights = np.array(kernel)
        average = weights if step == 0 else momentum * average + (1 - momentum) * weights
    assert np.asarray(optimizer._model_variables_moving_average[0]) == pytest.approx(average)


def test_weights_decay_at_the_rate_of_their_layer_and_biases_never() -> None:
    network = _network(1)
    options = TrainOptions(model="cnn4", layer_decay=0.5, optimizer="adamw")
    optimizer: Any = make_optimizer(network, options, 0.1, 10)
    for weight in network.trainable_variables:
        weight.assign(np.ones(weight.shape))
    # without a gradient, a step of Adam changes nothing
    zeros = [np.zeros(weight.shape, np.float32) for weight in network.trainable_variables]
    optimizer.apply(zeros, network.trainable_variables)
    kernel, bias, head_kernel, head_bias = map(np.asarray, network.trainable_variables)
    assert 1 - kernel == pytest.approx(np.full((4, 4), 0.01 * 0.1 * 0.5**10), rel=0.1)
    assert 1 - head_kernel == pytest.approx(np.full((4, 1), 0.01 * 0.1), rel=1e-3)
    assert (bias == 1).all()
    assert (head_bias == 1).all()


def test_a_plateau_divides_the_rate_by_ten() -> None:
    for losses, factor in (
        ([], 1),
        ([0.5], 1),
        ([0.5, 0.4], 1),
        ([0.5, 0.4, 0.4], 0.1),
        ([0.5, 0.4, 0.45, 0.39, 0.6], 0.01),
    ):
        assert plateau_factor(losses) == pytest.approx(factor)


def test_the_rate_of_an_epoch_depends_on_the_validation_losses_before_it(tmp_path: Path) -> None:
    model: Any = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.2), "mse")
    model.optimizer.build(model.trainable_variables)
    options, losses = TrainOptions(model="cnn4", schedule="plateau"), [0.5, 0.6, 0.4, 0.3]
    state, rates = TrainingState(model, options, Checkpoint(tmp_path / FILE)), list[float]()

    def end_epoch(epoch: int, _: Any) -> None:
        rates.append(float(model.optimizer.learning_rate))
        state.add({"epoch": epoch + 1, "val_loss": losses[epoch]})

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=end_epoch), *schedule(state, 0.2)]
    model.fit(np.ones((1, 1)), np.ones((1, 1)), epochs=len(losses), verbose=0, callbacks=callbacks)
    assert rates == pytest.approx([0.2, 0.2, 0.02, 0.02])


@pytest.mark.parametrize("num_outputs", [1, 4])
def test_smooth_targets_have_the_least_loss_at_their_own_probability(num_outputs: int) -> None:
    loss = loss_and_metrics(num_outputs, 0.2)["loss"]
    labels = np.array([[1.0]], np.float32)
    # a fifth of the target is divided among all classes
    best = 0.9 if num_outputs == 1 else 0.85
    found = [float(loss(labels, _predict(num_outputs, best + shift))) for shift in (-0.05, 0, 0.05)]
    assert found[1] == min(found)


def _predict(num_outputs: int, probability: float) -> np.ndarray:
    if num_outputs == 1:
        return np.array([[probability]], np.float32)
    rest = (1 - probability) / (num_outputs - 1)
    return np.array([[rest, probability, *[rest] * (num_outputs - 2)]], np.float32)
