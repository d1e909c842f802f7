"""Radiographs: from the bytes of a file to the pixels that a lake stores and a model sees."""
