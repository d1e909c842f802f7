"""Reading of runs: their files, model, configuration and predictions."""
