"""Metrics, confidence intervals, calibration and decision thresholds.

Unless a function states otherwise, `labels` are 0 or 1, int64 (rows,); `probabilities` are those of
abnormal, and `logits` their logits, float64 (rows,); `groups` are the patient groups of rows,
(rows,), of any type; and `scored` is a scored table of one model and one set.
"""
