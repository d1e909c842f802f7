"""The commands of the trainer: each goes from options to a result."""
