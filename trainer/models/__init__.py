"""Models: the table of networks, their weights, classifier heads and ensembles."""
