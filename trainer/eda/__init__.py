"""Exploratory data analysis of a lake: tables and figures of its manifest on one page."""
