"""The nearest studies are of other groups, by the direction of their mean embedding."""

import numpy as np
import polars as pl

from trainer.audit.labels.neighbours import average_studies, find_neighbours


def test_neighbours_are_of_other_groups() -> None:
    views = pl.DataFrame(
        {
            "study_id": ["b", "a", "c", "a", "d"],
            "label": [1, 0, 1, 0, 0],
            "group": [2, 1, 3, 1, 1],
        }
    )
    embeddings = np.array([[1, 0.1], [1, 0], [-1, 0], [1, 0], [1, 0]], np.float32)
    studies, directions = average_studies(embeddings, views)
    assert studies["study_id"].to_list() == ["a", "b", "c", "d"]
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-5)
    # d is nearest, but of the same group
    found = find_neighbours(["a"], studies, directions)["a"]
    assert found["study_id"].to_list() == ["b", "c"]
    assert found["label"].to_list() == [1, 1]
