"""What networks cost on engines: loop iterations, counted as the kernels count them, and cycles."""
