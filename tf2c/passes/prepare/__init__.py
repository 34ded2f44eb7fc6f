"""Passes that change how a network's numbers lie, and not what it computes."""
