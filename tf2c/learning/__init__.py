"""What PyTorch optimizes (`pip install 'tf2c[torch]'`): roundings that are learned, and retraining.

Nothing else in tf2c imports PyTorch, and this is imported only where it is used.
"""
