"""Turns a MURA tree into a lake: scan, plan, decode, write, commit."""
