"""Classifier heads on the embeddings of a frozen backbone, fitted in NumPy in about a second."""
