"""A kept model for other servers: with the preparation of pixels inside, in three formats."""
