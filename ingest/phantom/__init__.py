"""Synthetic radiographs (phantoms) in MURA's layout, for demo, tests and benchmarks."""
