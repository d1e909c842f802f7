"""Where a cross-validation runs: in this process, or on a Ray cluster."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial

from shared.cluster.code_fingerprint import Code
from shared.cluster.messages import ClusterOptions, Node, Share
from shared.cluster.nodes import Cluster
from trainer.cluster.cluster_fits import ClusterFits
from trainer.cluster.remote_fits import RemoteFits
from trainer.cluster.status_table import FitTable
from trainer.data.split import FitPlan
from trainer.options import CvOptions
from trainer.runs.context import RunContext
from trainer.runs.hardware import count_usable_cores
from trainer.runs.provenance import PACKAGES


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
        yield RemoteFits()
        return
    table, options, num_cores = FitTable(), context.options, count_usable_cores() or 1
    with Cluster(
        ClusterOptions(options.address, num_cores),
        Code.here(("shared", "trainer"), PACKAGES),
        partial(choose_share, options),
        num_queued=0,
        watch=table.show,
    ) as cluster:
        yield ClusterFits(cluster, table, context, plan)


def choose_share(options: CvOptions, nodes: Sequence[Node]) -> Share:
    """Return the resources of one fit: GPUs if any node has one, CPU cores otherwise."""
    gpus = options.gpus
    if gpus is None:
        gpus = options.devices if any(node.gpus >= 1 for node in nodes) else 0
    # By default as many cores as this machine has: the number of threads changes the last digits of
    # floating-point sums, so the results equal those of a local run.
    return Share(options.cpus or (1 if gpus else count_usable_cores() or 1), gpus)
