"""Shortcuts: image properties, hidden regions, markers and hardware."""
