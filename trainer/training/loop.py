"""The training loop: train a whole model on images and keep its best epoch."""

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import polars as pl
import tensorflow as tf

from shared.lake.reader import ViewReader
from shared.progress import Progress
from trainer.data.augment import augment_batches
from trainer.data.input_wait import InputWait
from trainer.data.pipeline import ordered_batches, shuffled_batches
from trainer.data.split import FitPlan
from trainer.data.target import make_target, make_targets
from trainer.data.tfrecord_pipeline import sequential_batches
from trainer.inference.devices import distribution_scope, reset_tensorflow
from trainer.inference.keras_inference import infer, plain_errors
from trainer.inference.trained_model import Outputs, TrainedModel
from trainer.models.ensemble import build_ensemble
from trainer.options import FitOptions
from trainer.runs.context import RunContext
from trainer.runs.history import make_history
from trainer.runs.run_folder import CHECKPOINTS, TENSORBOARD, name_fit
from trainer.training import callbacks
from trainer.training.checkpoint import Checkpoint
from trainer.training.losses import loss_and_metrics
from trainer.training.optimizer import make_optimizer
from trainer.training.training_state import TrainingState


@dataclass(frozen=True)
class Recipe:
    """The initial model of a fit, its learning rate and its predictions.

    `build` returns the model, from uint8 images (batch, size, size, 1) to probabilities. With
    `evaluate_initial`, the initial weights are scored as epoch 0, a candidate for the best.
    """

    build: Callable[[], keras.Model]
    learning_rate: float
    tta: str = "none"
    evaluate_initial: bool = False


class Trainer:
    """Trains whole models on images."""

    def __init__(self, context: RunContext[FitOptions]):
        self._options, self._lake, self._folder = context.options, context.lake, context.folder

    def fit(self, recipe: Recipe, plan: FitPlan, title: str) -> TrainedModel:
        """Train on a plan's train views; the validation views decide the kept epoch.

        An interrupted fit resumes after its last finished epoch and gives the same weights. The
        title names the checkpoint, so it must be unique among the fits of the run.

        Raises:
            TrainingError: the loss is not finite, or there is no memory for a batch.
        """
        reset_tensorflow(self._options)
        with distribution_scope(self._options.devices):
            model = self._compile(recipe, self._options.epochs * self._num_steps(plan.train))
        checkpoint = Checkpoint(self._folder / CHECKPOINTS / f"{name_fit(title)}.npz")
        state = TrainingState(model, self._options, checkpoint)
        if not state.is_finished:
            self._run_epochs(recipe, plan, title, state)
        # for inference: float32, neither compiled nor distributed
        keras.config.set_dtype_policy("float32")
        best = recipe.build()
        best.set_weights(state.finish())
        predictor = build_ensemble([best], tta=recipe.tta)

        def predict(views: pl.DataFrame) -> Outputs:
            with ViewReader(self._lake, views) as reader:
                return infer(predictor, reader, "predict").astype(np.float64)

        return TrainedModel(make_history(state.rows), predict, lambda: best)

    def _num_steps(self, views: pl.DataFrame) -> int:
        return math.ceil(views.height / self._options.batch_size)

    def _compile(self, recipe: Recipe, num_steps: int) -> keras.Model:
        options = self._options
        model: Any = recipe.build()  # keras has no stubs: its defaults would be taken for types
        model.compile(
            optimizer=make_optimizer(model, options, recipe.learning_rate, num_steps),
            jit_compile=options.xla == "on",
            **loss_and_metrics(model.output_shape[-1], options.label_smoothing),
        )
        # create the optimizer's variables now, so that a checkpoint can restore them
        model.optimizer.build(model.trainable_variables)
        return model

    def _run_epochs(self, recipe: Recipe, plan: FitPlan, title: str, state: TrainingState) -> None:
        options, input_wait, model = self._options, InputWait(), state.model
        with (
            ViewReader(self._lake, plan.train) as reader,
            ViewReader(self._lake, plan.validation) as validation,
            plain_errors(reader, validation),
            closing(callbacks.TensorBoardLog(self._folder / TENSORBOARD / name_fit(title))) as log,
        ):
            targets = self._targets(plan.validation)
            batches = ordered_batches(validation, options.batch_size, targets)
            validated = callbacks.ValidationCallback(state, batches, plan.validation)
            if recipe.evaluate_initial and not state.rows:
                scores = model.evaluate(batches, verbose=0, return_dict=True, callbacks=[validated])
                state.add({"epoch": 0} | {f"val_{name}": v for name, v in scores.items()})
            first_epoch = state.num_epochs
            num_views = (options.epochs - first_epoch) * (len(reader) + len(validation))
            with Progress(title, num_views) as progress:
                if first_epoch:
                    progress.note(f"resuming after epoch {first_epoch}")
                model.fit(
                    input_wait.measure(self._train_batches(plan.train, reader, first_epoch)),
                    # the dataset is endless
                    steps_per_epoch=self._num_steps(plan.train),
                    validation_data=batches,
                    initial_epoch=first_epoch,
                    epochs=options.epochs,
                    # the pipeline shuffles
                    shuffle=False,
                    verbose=0,
                    callbacks=[
                        # before the swap at the end of a validation
                        validated,
                        *([keras.callbacks.SwapEMAWeights()] if options.ema else []),
                        callbacks.ProgressCallback(state, progress, plan, input_wait, log.add),
                        *callbacks.schedule(state, recipe.learning_rate),
                    ],
                )

    def _train_batches(
        self, views: pl.DataFrame, reader: ViewReader, first_epoch: int
    ) -> tf.data.Dataset:
        batch, seed, targets = self._options.batch_size, self._options.seed, self._targets(views)
        make = sequential_batches if self._options.reads_shards_in_order else shuffled_batches
        batches = make(reader, batch, seed, targets, first_epoch)
        first_batch = first_epoch * self._num_steps(views)
        return augment_batches(batches, self._options.augment, seed, first_batch)

    def _targets(self, views: pl.DataFrame) -> Any:
        target = make_target(self._options.task, self._lake.manifest)
        return make_targets(views, target, self._options.class_weight)
