"""Run the fits of a cross-validation on a cluster, and store their results on this machine.

The rest of the cross-validation reads embeddings and checkpoints as if they were computed locally.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import polars as pl

from shared.cluster.nodes import Cluster
from shared.progress import Progress
from shared.storage.atomic import write_atomically
from shared.storage.store import as_path
from trainer.cluster.messages import EmbedTask, FitResult, FitTask, Job
from trainer.cluster.remote_fits import CompletedFit, FitRequest, recall
from trainer.cluster.status_table import FitTable
from trainer.cluster.tasks import embed_views, find_weights_key, fit_model
from trainer.features.embeddings import EmbeddingCache, embedding_key
from trainer.features.frozen_backbone import FrozenFit, list_kinds
from trainer.features.head_training import TrainedHead
from trainer.options import CvOptions
from trainer.runs.context import RunContext
from trainer.runs.run_folder import CHECKPOINTS, identify, name_fit
from trainer.training.checkpoint import Checkpoint
from trainer.training.recipe import Fit, make_heads, name_head


class ClusterFits:
    """Runs embedding and fitting on a cluster; see `trainer.cluster.remote_fits.RemoteFits`.

    `cluster` is not started yet; `views` are all views of the run, for fitting or for prediction.
    """

    def __init__(
        self,
        cluster: Cluster,
        table: FitTable,
        context: RunContext[CvOptions],
        views: pl.DataFrame,
    ):
        options, lake, folder = context.options, context.lake, context.folder
        self._cluster, self._table, self._context = cluster, table, context
        self._options, self._lake, self._views, self._folder = options, lake, views, folder
        cache_folder = options.cache and str(as_path("cache", options.cache).resolve())
        # absolute paths, because nodes have other working directories
        self._job = Job(
            lake.store.resolve(),
            lake.digest,
            replace(options, cache=cache_folder),
            folder.resolve(),
            identify(folder),
        )
        self._weights_key = cache(partial(find_weights_key, lake, options=options))
        self._heads = cache(self._make_heads)

    def embed(self) -> None:
        """Compute the missing embeddings of all views, for models with a frozen backbone.

        Raises:
            ClusterError: the cluster cannot be used, or no longer.
            CorruptLakeError: the record of a view is damaged.
        """
        names = self._options.model_names
        kept = {
            (name, kind): EmbeddingCache(
                embedding_key(self._lake.digest, name, self._options, kind)
            )
            for name in names
            if self._options.trained_part(name) != "all"
            for kind in list_kinds(name, self._options)
        }
        tasks = [
            EmbedTask(name, self._weights_key(name), kind, chunk)
            for (name, kind), embeddings in kept.items()
            for chunk in embeddings.missing(self._views)
        ]
        if tasks or any(map(self._is_fitted_on_images, names)):
            # starting takes seconds, so let it overlap with the start of this process
            self._cluster.start()
        if not tasks:
            return
        num_views = sum(task.views.height for task in tasks)
        with self._context.timings.measure("embed"), Progress("embed", num_views) as progress:
            for index, matrix in self._cluster.map(partial(embed_views, job=self._job), tasks):
                task = tasks[index]
                kept[task.model, task.kind].add(task.views, matrix)
                progress.advance(task.views.height)

    def fit(self, fits: Mapping[str, Fit], wanted: Sequence[FitRequest]) -> Mapping[str, Fit]:
        """Run the requested fits that train on images; fits of heads alone run locally.

        Raises:
            ClusterError: the cluster cannot be used, or no longer.
            And the errors of `trainer.training.loop.Trainer.fit`.
        """
        wanted = [one for one in wanted if self._is_fitted_on_images(one.model)]
        done: dict[str, CompletedFit] = {}
        with self._table.open([one.title for one in wanted]):
            ended = self._cluster.map(partial(fit_model, job=self._job), self._tasks(wanted))
            for index, one in ended:
                done[wanted[index].title] = self._keep(wanted[index], one)
                self._table.end(index)
        return {name: recall(fit, done) for name, fit in fits.items()}

    def _is_fitted_on_images(self, model_name: str) -> bool:
        return self._options.trained_part(model_name) != "head"

    def _tasks(self, wanted: Sequence[FitRequest]) -> Iterator[FitTask]:
        for one in wanted:
            path = self._checkpoint(one.title)
            yield FitTask(
                one.model,
                self._weights_key(one.model),
                one.plan,
                one.title,
                one.asked,
                self._find_head(one),
                path.read_bytes() if path.exists() else None,
            )

    def _find_head(self, one: FitRequest) -> TrainedHead | None:
        if self._options.trained_part(one.model) != "staged":
            return None
        heads = self._options.list_heads(one.model)
        return self._heads(one.model).fit_best(one.plan, heads, name_head(one.title))

    def _make_heads(self, model_name: str) -> FrozenFit:
        return make_heads(self._context, model_name, self._views)

    def _keep(self, wanted: FitRequest, ended: FitResult) -> CompletedFit:
        for path, content in ended.files.items():
            write_atomically(self._folder / path, content)
        state = Checkpoint(self._checkpoint(wanted.title)).read()
        assert state, "a fit that has ended leaves its state"
        return CompletedFit(wanted, state.rows, ended.answers)

    def _checkpoint(self, title: str) -> Path:
        return self._folder / CHECKPOINTS / f"{name_fit(title)}.npz"
