"""Classifier heads on the embeddings of a frozen backbone, fitted in seconds."""
