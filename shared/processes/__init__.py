"""Processes: children that end with this one, limits on what decoders take, interruptible calls."""
