"""Choose where a cross-validation runs: in this process, or on a Ray cluster."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from trainer.cluster.messages import FitRequest
from trainer.cluster.remote_fits import RemoteFits
from trainer.data.split import FitPlan
from trainer.options import CvOptions
from trainer.runs.context import RunContext
from trainer.training.recipe import Fit


class _LocalFits:
    """No fits in advance: this process computes each fit on demand."""

    def embed(self) -> None:
        """Do nothing."""

    def fit(self, fits: Mapping[str, Fit], requests: Sequence[FitRequest]) -> Mapping[str, Fit]:
        """Do nothing."""
        return fits


@contextmanager
def open_remote_fits(
    context: RunContext[CvOptions], plan: FitPlan
) -> Generator[RemoteFits, None, None]:
    """Yield the remote fits for `engine=`; the cluster is released after the block.

    `plan` holds all views of the run.

    Raises:
        ClusterError: Ray is not installed.
    """
    if context.options.engine == "local":
        yield _LocalFits()
        return
    # imported here, because a local run does not need Ray
    from trainer.cluster.cluster_fits import ClusterFits
    from trainer.cluster.resources import make_cluster
    from trainer.cluster.status_table import FitTable

    table = FitTable()
    with make_cluster(context.options, table.show) as cluster:
        yield ClusterFits(cluster, table, context, plan)
