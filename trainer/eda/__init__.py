"""Exploration of a lake before training: tables of its manifest, figures, one page."""
