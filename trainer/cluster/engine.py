"""The engine of a cross-validation: this process, or a Ray cluster."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import polars as pl

from trainer.cluster.remote_fits import FitRequest, RemoteFits
from trainer.options import CvOptions
from trainer.runs.context import RunContext
from trainer.training.recipe import Fit


class _LocalFits:
    """Does nothing ahead: this process fits when a fit is needed."""

    def embed(self) -> None:
        """Do nothing."""

    def fit(self, fits: Mapping[str, Fit], wanted: Sequence[FitRequest]) -> Mapping[str, Fit]:
        """Do nothing."""
        return fits


@contextmanager
def open_remote_fits(
    context: RunContext[CvOptions], views: pl.DataFrame
) -> Generator[RemoteFits, None, None]:
    """Yield the remote fits that the options ask for; the cluster is released after the block.

    Args:
        context: of the run.
        views: all views that will be fitted to or predicted.

    Raises:
        ClusterError: Ray is not installed.
    """
    if context.options.engine == "local":
        yield _LocalFits()
        return
    # only here, for a run on this machine needs none of it
    from trainer.cluster.cluster_fits import ClusterFits
    from trainer.cluster.resources import make_cluster
    from trainer.cluster.status_table import FitTable

    table = FitTable()
    with make_cluster(context.options, table.show) as cluster:
        yield ClusterFits(cluster, table, context, views)
