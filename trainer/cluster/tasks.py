"""Functions that run on the nodes of a cluster: embed views, fit a model."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from shared.cluster.remote_task import count_own_processors
from shared.cluster.task_status import say_status
from shared.errors import ClusterError
from shared.lake.open import Lake, open_lake
from trainer.cluster.messages import EmbedTask, FitResult, FitTask, Job
from trainer.data.dataset import with_cache
from trainer.data.input_wait import InputWait
from trainer.features.compute_embeddings import build_float32, compute_embeddings
from trainer.features.embeddings import weights_key
from trainer.features.heads import Matrix
from trainer.keras_import import import_keras
from trainer.models.candidates import Candidate
from trainer.runs.context import RunContext
from trainer.runs.hardware import limit_threads
from trainer.runs.run_folder import CHECKPOINTS, TENSORBOARD, identify, name_fit


def embed_views(task: EmbedTask, job: Job) -> Matrix:
    """Return the embeddings of a task's views, float32 (views, n).

    Raises:
        ClusterError: this node has another lake or other weights.
    """
    lake = _prepare(task, job, task.views)
    backbone = task.converted or build_float32(task.model, lake, job.options)
    return compute_embeddings(backbone, lake, task.views, task.variant, InputWait())


def fit_model(task: FitTask, job: Job) -> FitResult:
    """Fit a model on a task's views, or resume an interrupted fit from its checkpoint.

    Raises:
        ClusterError: this node has another lake or other weights.
    """
    say_status("starting TensorFlow")
    lake = _prepare(task, job, pl.concat(vars(task.plan).values()))
    import_keras()

    from trainer.training.recipe import make_image_fit

    name = name_fit(task.title)
    checkpoint = f"{CHECKPOINTS}/{name}.npz"
    with _open_folder(job) as folder:
        is_shared = folder == job.folder
        # a shared folder has the checkpoint already
        if task.checkpoint and not is_shared:
            (folder / CHECKPOINTS).mkdir()
            (folder / checkpoint).write_bytes(task.checkpoint)
        context = RunContext(job.options, lake, folder)
        fit = make_image_fit(context, task.model, task.head)
        (trained,) = fit(task.plan, [Candidate(task.model)], task.title)
        say_status("predicting")
        outputs = [trained.predict(views) for views in task.views_to_predict]
        logs = (folder / TENSORBOARD / name).rglob("*")
        new_files = [] if is_shared else [folder / checkpoint, *filter(Path.is_file, logs)]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in new_files}
        return FitResult(files, outputs)


def _prepare(task: EmbedTask | FitTask, job: Job, views: pl.DataFrame) -> Lake:
    limit_threads(count_own_processors())

    from trainer.models.table import require_weights

    require_weights([task.model], job.options.initial_weights)
    lake = with_cache(open_lake(job.lake), job.options, views)
    if lake.digest != job.lake_digest:
        raise ClusterError(
            f"Expected a lake with the digest {job.lake_digest} on every node. "
            f"Received: lake={job.lake} with the digest {lake.digest}"
        )
    if weights_key(task.model, job.options.initial_weights) != task.weights_key:
        raise ClusterError(
            "Expected the same pretrained weights on every node. "
            f"Received: different weights of model={task.model}"
        )
    return lake


@contextmanager
def _open_folder(job: Job) -> Generator[Path, None, None]:
    if identify(job.folder) == job.identity:
        yield job.folder
        return
    with tempfile.TemporaryDirectory(prefix="mura-lake-") as folder:
        yield Path(folder)
