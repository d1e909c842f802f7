"""Layouts of source trees: frozen options, and pure functions from paths to views."""
