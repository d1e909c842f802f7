"""Predictions of a model for views and studies."""
