"""Suspect labels, and the nearest studies of other patients."""
