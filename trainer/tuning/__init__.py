"""Search: the settings of a model are tried, and the best kept."""
