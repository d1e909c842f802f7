"""The networks of the table of models, and their published weights."""
