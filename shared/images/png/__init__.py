"""PNG decoding: structure, compressed rows, and a fast decoder for the common kinds."""
