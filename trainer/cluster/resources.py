"""The cluster of a cross-validation, and the resources that each fit takes of a node."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from shared.cluster.code_fingerprint import Code
from shared.cluster.messages import ClusterOptions, Node, Share
from shared.cluster.nodes import Cluster
from shared.cluster.task_status import Status
from trainer.options import CvOptions
from trainer.runs.hardware import count_usable_cores
from trainer.runs.provenance import PACKAGES


def make_cluster(options: CvOptions, watch: Callable[[Mapping[int, Status]], None]) -> Cluster:
    """Return the cluster of the options, not started yet.

    `watch` is called at intervals with the status of each running fit.

    Raises:
        ClusterError: Ray is not installed.
    """
    return Cluster(
        ClusterOptions(options.address, count_usable_cores() or 1),
        Code.here(("shared", "trainer"), PACKAGES),
        partial(choose_share, options),
        num_queued=0,
        watch=watch,
    )


def choose_share(options: CvOptions, nodes: Sequence[Node]) -> Share:
    """Return the resources of one fit: GPUs if any node has one, CPU cores otherwise.

    The default is as many cores as this machine has: the number of threads changes the last digits
    of floating-point sums, so the results equal those of a local run.
    """
    gpus = options.gpus
    if gpus is None:
        gpus = options.devices if any(node.gpus >= 1 for node in nodes) else 0
    return Share(options.cpus or (1 if gpus else count_usable_cores() or 1), gpus)
