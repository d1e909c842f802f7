"""Image processing from the bytes of a file to the pixels stored in a lake and used by models."""
