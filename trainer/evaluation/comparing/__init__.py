"""Comparison of candidates and of finished models."""
