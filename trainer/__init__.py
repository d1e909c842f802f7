"""Trains and judges CNNs on a lake: open, split, stream, fit, evaluate, report."""
