"""OpenCL C for an engine."""
