"""Metrics, confidence intervals, calibration and decision thresholds."""
