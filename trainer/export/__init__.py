"""Export of a model with its image preprocessing, in three formats."""
