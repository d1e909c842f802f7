"""Geometry of the bones and soft tissue of the arm, in millimetres."""
