"""Hyperparameter search: the search space, the sampler and the trials."""
