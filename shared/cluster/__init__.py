"""Work on a Ray cluster: one function over many tasks, by the processors or GPUs of its nodes."""
