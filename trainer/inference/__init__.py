"""Inference: predictions of a model for views and studies."""
