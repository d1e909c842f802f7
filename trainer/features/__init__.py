"""Heads: classifiers on what a frozen backbone makes of each view, fitted in NumPy in a second."""
