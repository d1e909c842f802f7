"""Copies of images, and the score without those that leak over folds."""
