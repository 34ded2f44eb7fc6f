"""Passes of stage `graph`: simplify the trained network."""
