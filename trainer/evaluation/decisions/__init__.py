"""Calibration and decision thresholds."""
