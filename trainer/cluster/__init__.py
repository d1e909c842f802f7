"""Cross-validation on the nodes of a Ray cluster, with the results that one machine has."""
