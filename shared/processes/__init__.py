"""Child processes that end with their parent, decoder limits, and interruptible calls."""
