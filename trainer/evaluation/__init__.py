"""Evaluation: metrics, confidence intervals, calibration, decision thresholds."""
