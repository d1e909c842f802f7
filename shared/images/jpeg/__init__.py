"""JPEG files: checks of their structure, and decoding."""
