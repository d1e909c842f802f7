"""Run the fits of a cross-validation on a cluster, and store their results on this machine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from shared.cluster.nodes import Cluster
from shared.progress import Progress
from shared.storage.atomic import write_atomically
from shared.storage.store import as_path
from trainer.cluster.messages import EmbedTask, FitRequest, FitResult, FitTask, Job
from trainer.cluster.remote_fits import CompletedFit, RemoteFits, reuse_fits
from trainer.cluster.status_table import FitTable
from trainer.cluster.tasks import embed_views, fit_model
from trainer.data.split import FitPlan
from trainer.features.embedder import Embedder
from trainer.features.embeddings import EmbeddingCache, weights_key
from trainer.features.frozen_backbone import FrozenFit, list_embedded
from trainer.features.heads import Head
from trainer.models.candidates import list_networks
from trainer.options import CvOptions
from trainer.runs.context import RunContext
from trainer.runs.run_folder import CHECKPOINTS, identify, name_fit
from trainer.training.checkpoint import Checkpoint
from trainer.training.recipe import Fit


class ClusterFits(RemoteFits):
    """Runs embedding and fitting on a cluster, not started yet, for a plan of all views of the run.

    The rest of the cross-validation reads embeddings and checkpoints as if they were computed here.
    """

    def __init__(
        self, cluster: Cluster, table: FitTable, context: RunContext[CvOptions], plan: FitPlan
    ):
        options, lake, folder = context.options, context.lake, context.folder
        self._cluster, self._table, self._context = cluster, table, context
        self._options, self._lake, self._plan, self._folder = options, lake, plan, folder
        cache_folder = options.cache and str(as_path("cache", options.cache).resolve())
        # absolute paths, because nodes have other working directories
        self._job = Job(
            lake.store.resolve(),
            lake.digest,
            replace(options, cache=cache_folder),
            folder.resolve(),
            identify(folder),
        )
        self._weights_key = cache(partial(weights_key, weights=options.initial_weights))
        self._heads = cache(partial(FrozenFit, context, plan=plan))

    def embed(self) -> None:
        """Compute the missing embeddings of all views, or raise ClusterError."""
        names = self._options.model_names
        embedded = {
            network: list_embedded(name, self._options, self._plan)
            for name in names
            if self._options.trained_part(name) != "all"
            for network in list_networks(name)
        }
        embedders = {
            network: Embedder(self._context, network, self._plan.fitted) for network in embedded
        }
        caches = {
            (name, variant): EmbeddingCache(embedder.key(variant))
            for name, embedder in embedders.items()
            for variant in embedded[name]
        }
        tasks = [
            EmbedTask(name, self._weights_key(name), embedders[name].converted, variant, chunk)
            for (name, variant), embeddings in caches.items()
            for chunk in embeddings.missing(embedded[name][variant])
        ]
        if tasks or any(map(self._trains_on_images, names)):
            # the start takes seconds and overlaps with that of this process
            self._cluster.start()
        if not tasks:
            return
        num_views = sum(task.views.height for task in tasks)
        with self._context.timings.measure("embed"), Progress("embed", num_views) as progress:
            for index, matrix in self._cluster.map(partial(embed_views, job=self._job), tasks):
                task = tasks[index]
                caches[task.model, task.variant].add(task.views, matrix)
                progress.advance(task.views.height)

    def fit(self, fits: Mapping[str, Fit], requests: Sequence[FitRequest]) -> Mapping[str, Fit]:
        """Run the requested fits that train on images, or raise ClusterError."""
        # fits of heads alone run in this process
        requests = [request for request in requests if self._trains_on_images(request.model)]
        completed: dict[str, CompletedFit] = {}
        with self._table.open([request.title for request in requests]):
            results = self._cluster.map(partial(fit_model, job=self._job), self._tasks(requests))
            for index, result in results:
                completed[requests[index].title] = self._store(requests[index], result)
                self._table.finish(index)
        return {name: reuse_fits(fit, completed) for name, fit in fits.items()}

    def _trains_on_images(self, model_name: str) -> bool:
        return self._options.trained_part(model_name) != "head"

    def _tasks(self, requests: Sequence[FitRequest]) -> Iterator[FitTask]:
        for request in requests:
            path = self._checkpoint(request.title)
            yield FitTask(
                **vars(request),
                weights_key=self._weights_key(request.model),
                head=self._find_head(request),
                checkpoint=path.read_bytes() if path.exists() else None,
            )

    def _find_head(self, request: FitRequest) -> Head | None:
        if self._options.trained_part(request.model) != "staged":
            return None
        heads = self._options.list_heads(request.model)
        return self._heads(request.model).fit_best(request.plan, heads)

    def _store(self, request: FitRequest, result: FitResult) -> CompletedFit:
        for path, content in result.files.items():
            write_atomically(self._folder / path, content)
        state = Checkpoint(self._checkpoint(request.title)).read()
        assert state, "a finished fit leaves a checkpoint"
        return CompletedFit(request, state.rows, result.outputs)

    def _checkpoint(self, title: str) -> Path:
        return self._folder / CHECKPOINTS / f"{name_fit(title)}.npz"
