"""Share: which cluster fits are done on, and what each takes of a node."""

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
    """Return the cluster that the options name; it is not started.

    Args:
        options: name it.
        watch: is given, now and then, how each fit stands that has begun.

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
    """Return what a fit takes of its node: GPUs if there are any, or else processors.

    As many processors as this machine has, unless told otherwise: sums depend on the number of
    threads in their last digits, and so the results are those that this machine has alone.
    """
    gpus = options.gpus
    if gpus is None:
        gpus = options.devices if any(node.gpus >= 1 for node in nodes) else 0
    return Share(options.cpus or (1 if gpus else count_usable_cores() or 1), gpus)
