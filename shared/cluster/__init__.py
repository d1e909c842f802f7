"""Execution of one function over many tasks on the CPUs or GPUs of a Ray cluster."""
