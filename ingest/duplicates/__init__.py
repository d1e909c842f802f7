"""Duplicates: copies of images, patients in both splits, contradictory labels, groups."""
