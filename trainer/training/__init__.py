"""The training loop, recipes, checkpoints, callbacks and losses."""
