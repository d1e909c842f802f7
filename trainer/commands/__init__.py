"""The trainer's commands, one module each: from parsed options to a result."""
