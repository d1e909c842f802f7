"""Groups of patients who share images; cross-validation must keep a group in one fold."""

import polars as pl


def group_patients(views: pl.DataFrame) -> pl.DataFrame:
    """Add the column `group`: the smallest number of the patients connected by shared images.

    A patient has the same number in all body parts and splits. `views` needs the columns
    `patient_id` and `pixel_digest`; its order is preserved.
    """
    edges = views.select("patient_id", "pixel_digest").unique()
    shared = edges.filter(pl.len().over("pixel_digest") > 1)
    if shared.is_empty():
        return views.with_columns(group=pl.col("patient_id"))
    groups = _connect(shared)
    return views.join(groups, on="patient_id", how="left", maintain_order="left").with_columns(
        pl.col("group").fill_null(pl.col("patient_id"))
    )


def _connect(edges: pl.DataFrame) -> pl.DataFrame:
    """Return `patient_id` and `group` of patients connected by shared images."""
    # imported here: few lakes have such patients, and the imports take half a second
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = edges.with_columns(
        patient_node=pl.col("patient_id").rank("dense").cast(pl.Int64) - 1,
        image_node=pl.col("pixel_digest").rank("dense").cast(pl.Int64) - 1,
    )
    # a bipartite graph: nodes of patients first, then nodes of images
    num_patients = edges["patient_id"].n_unique()
    num_nodes = num_patients + edges["pixel_digest"].n_unique()
    ends = (edges["patient_node"].to_numpy(), edges["image_node"].to_numpy() + num_patients)
    graph = coo_array((np.ones(edges.height, np.int8), ends), shape=(num_nodes, num_nodes))
    component = connected_components(graph, directed=False)[1]
    tied = edges.with_columns(component=component[ends[0]]).unique("patient_id")
    return tied.select("patient_id", group=pl.col("patient_id").min().over("component"))
