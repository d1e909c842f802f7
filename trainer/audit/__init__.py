"""Reasons to distrust the score of a run: labels, copies and shortcuts."""
