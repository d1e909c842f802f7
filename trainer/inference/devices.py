"""Devices, precision and determinism of TensorFlow, set before each fit."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from shared.errors import TrainingError
from trainer.options import FitOptions
from trainer.runs.gpus import resolve_precision


def reset_tensorflow(options: FitOptions) -> None:
    """Reset TensorFlow, so that all later random numbers depend on the seed alone.

    Raises:
        TrainingError: there are fewer devices than requested.
    """
    _create_logical_cpus(options.devices)
    # free the previous model and reset the counters in layer names
    keras.backend.clear_session()
    keras.config.set_dtype_policy(resolve_precision(options))
    keras.utils.set_random_seed(options.seed)
    if options.deterministic == "on":
        # some GPU kernels otherwise add in an undefined order
        tf.config.experimental.enable_op_determinism()


def distribution_scope(num_devices: int) -> AbstractContextManager[Any]:
    """Return the scope for building a model that trains on one or several devices."""
    if num_devices == 1:
        return nullcontext()
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    names = [f"{kind}:{index}" for index in range(num_devices)]
    # Keras 3 supports no strategy for several hosts (keras-team/keras#20585)
    strategy: Any = tf.distribute.MirroredStrategy(names)
    return strategy.scope()


def _create_logical_cpus(num_devices: int) -> None:
    gpus: list[Any] = tf.config.list_physical_devices("GPU")
    if gpus and len(gpus) < num_devices:
        raise TrainingError(
            f"Expected at most {len(gpus)} devices, the GPUs of this host. "
            f"Received: devices={num_devices}"
        )
    if gpus or num_devices == 1:
        return
    (cpu, *_) = tf.config.list_physical_devices("CPU")
    # possible only once per process
    if not tf.config.get_logical_device_configuration(cpu):
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(num_devices)]
        tf.config.set_logical_device_configuration(cpu, parts)
