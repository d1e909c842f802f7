"""Folders and object stores with one interface; caches, atomic writes and temporary files."""
