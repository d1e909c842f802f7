"""The table of models, their backbones and weights, classifier heads and ensembles."""
