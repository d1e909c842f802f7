"""A local web page and an HTTP API that predict for the views of a study."""
