"""Explain: where in a view a model sees what it answers."""
