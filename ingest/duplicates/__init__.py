"""Detection of copied images, patients in both splits and contradictory labels; groups."""
