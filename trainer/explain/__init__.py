"""Heat maps of the image regions that raise a model's probability of abnormal."""
