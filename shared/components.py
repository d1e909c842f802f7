"""Connected components of a bipartite graph."""

import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.int64]


def connect(left: Nodes, right: Nodes) -> Nodes:
    """Return the component of each left node of a bipartite graph, int64 (left nodes,).

    Args:
        left, right: nodes of the ends of each edge, int64 (edges,); each side's from 0.
    """
    # late, as few lakes need it, and the import takes half a second
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    num_left = int(left.max()) + 1
    num_nodes = num_left + int(right.max()) + 1
    graph = coo_array(
        (np.ones(left.size, np.int8), (left, right + num_left)), shape=(num_nodes, num_nodes)
    )
    components = connected_components(graph, directed=False)[1]
    return components[:num_left].astype(np.int64)
