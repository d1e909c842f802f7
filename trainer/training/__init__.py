"""Training: the loop, its recipe, checkpoints, callbacks, losses and devices."""
