"""Phantoms: radiographs drawn in MURA's layout, of nobody, for demo, tests and benchmarks."""
