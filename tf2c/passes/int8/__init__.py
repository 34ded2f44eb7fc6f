"""Passes of stage `int8`: store activations and weights as int8."""
