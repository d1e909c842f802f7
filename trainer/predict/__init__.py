"""Predict: the views that paths name, and the formats in which predictions are printed."""
