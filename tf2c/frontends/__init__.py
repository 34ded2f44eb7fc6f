"""Readers of trained networks and of images."""
