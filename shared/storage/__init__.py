"""Storage: folders and object stores with the same methods, caches, atomic and temporary files."""
