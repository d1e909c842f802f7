"""Choice of the executor: local worker processes, or a Ray cluster."""

from typing import TYPE_CHECKING, TypeAlias

from ingest.options import IngestOptions
from ingest.write.tasks import DECIDE_ON_PIXELS

if TYPE_CHECKING:
    from ingest.write.process_pool import Pool
    from shared.cluster.nodes import Cluster

# both apply a function to many tasks in parallel, with the same methods
Executor: TypeAlias = "Pool | Cluster"


def open_executor(options: IngestOptions) -> Executor:
    """Return the executor for the requested engine; imports are local, so Ray stays optional.

    Raises:
        ClusterError: Ray is requested but not installed.
    """
    if options.engine == "local":
        from ingest.write.process_pool import Pool

        return Pool(options.workers, imports="ingest.write.shard")

    from shared.cluster.code_fingerprint import Code
    from shared.cluster.messages import ClusterOptions
    from shared.cluster.nodes import Cluster

    code = Code.here(("shared", "ingest"), DECIDE_ON_PIXELS)
    return Cluster(ClusterOptions(options.address, options.workers), code)
