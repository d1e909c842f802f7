"""Fits: those of a cross-validation are done by a cluster; what they end with is kept here.

So all that follows finds embeddings and finished fits as if this machine had made them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import polars as pl

from shared.cluster.nodes import Cluster
from shared.console import Progress
from shared.files import write_atomically
from shared.lake import Lake
from shared.store import as_path
from trainer.checkpoint import Checkpoint
from trainer.cluster.ahead import Done, Wanted, recall
from trainer.cluster.messages import EmbedTask, Ended, FitTask, Job
from trainer.cluster.table import FitTable
from trainer.cluster.tasks import embed_views, find_weights_key, fit_model
from trainer.heads.embeddings import KeptEmbeddings, embedding_key
from trainer.heads.fit import FittedHead
from trainer.heads.frozen import FrozenFit, list_kinds
from trainer.options import CvOptions
from trainer.provenance import Phases
from trainer.run_folder import CHECKPOINTS, identify, name_fit
from trainer.tune import Fit, make_heads, name_head


class ClusterFits:
    """Has a cluster do what takes long; see `trainer.cluster.ahead.Ahead`.

    Args:
        cluster: not yet started.
        table: shows what the cluster does.
        options: of all fits.
        lake: where the views' pixels are.
        views: all that will be fitted to or asked about.
        folder: of the run.
        phases: of the run.
    """

    def __init__(
        self,
        cluster: Cluster,
        table: FitTable,
        options: CvOptions,
        lake: Lake,
        views: pl.DataFrame,
        folder: Path,
        phases: Phases,
    ):
        self._cluster, self._table, self._options = cluster, table, options
        self._lake, self._views, self._folder, self._phases = lake, views, folder, phases
        cache_folder = options.cache and str(as_path("cache", options.cache).resolve())
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
        """Embed the views by the models whose heads are fitted to that.

        Raises:
            ClusterError: the cluster cannot be used, or no longer.
            CorruptLakeError: a view's pixels are not those that were written.
        """
        names = self._options.model_names
        kept = {
            (name, kind): KeptEmbeddings(
                embedding_key(self._lake.digest, name, self._options, kind)
            )
            for name in names
            if self._options.way(name) != "all"
            for kind in list_kinds(name, self._options)
        }
        tasks = [
            EmbedTask(name, self._weights_key(name), kind, chunk)
            for (name, kind), embeddings in kept.items()
            for chunk in embeddings.missing(self._views)
        ]
        if tasks or any(map(self._is_fitted_on_images, names)):
            # it starts while this process does
            self._cluster.start()
        if not tasks:
            return
        num_views = sum(task.views.height for task in tasks)
        with self._phases.measure("embed"), Progress("embed", num_views) as progress:
            for index, matrix in self._cluster.map(partial(embed_views, job=self._job), tasks):
                task = tasks[index]
                kept[task.model, task.kind].add(task.views, matrix)
                progress.advance(task.views.height)

    def fit(self, fits: Mapping[str, Fit], wanted: Sequence[Wanted]) -> Mapping[str, Fit]:
        """Fit those of the wanted models that are fitted on images.

        Raises:
            ClusterError: the cluster cannot be used, or no longer.
            As `trainer.fit.Fitter.fit`.
        """
        wanted = [one for one in wanted if self._is_fitted_on_images(one.model)]
        done: dict[str, Done] = {}
        with self._table.open([one.title for one in wanted]):
            ended = self._cluster.map(partial(fit_model, job=self._job), self._tasks(wanted))
            for index, one in ended:
                done[wanted[index].title] = self._keep(wanted[index], one)
                self._table.end(index)
        return {name: recall(fit, done) for name, fit in fits.items()}

    def _is_fitted_on_images(self, model_name: str) -> bool:
        return self._options.way(model_name) != "head"

    def _tasks(self, wanted: Sequence[Wanted]) -> Iterator[FitTask]:
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

    def _find_head(self, one: Wanted) -> FittedHead | None:
        if self._options.way(one.model) != "staged":
            return None
        heads = self._options.list_heads(one.model)
        return self._heads(one.model).fit_best(one.plan, heads, name_head(one.title))

    def _make_heads(self, model_name: str) -> FrozenFit:
        return make_heads(self._lake, model_name, self._options, self._views, self._phases)

    def _keep(self, wanted: Wanted, ended: Ended) -> Done:
        for path, content in ended.files.items():
            write_atomically(self._folder / path, content)
        state = Checkpoint(self._checkpoint(wanted.title)).read()
        assert state, "a fit that has ended leaves its state"
        return Done(wanted, state.rows, ended.answers)

    def _checkpoint(self, title: str) -> Path:
        return self._folder / CHECKPOINTS / f"{name_fit(title)}.npz"
