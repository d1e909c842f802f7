"""From decoded pixels to the bytes of a record."""
