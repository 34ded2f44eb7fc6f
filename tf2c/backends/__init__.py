"""What compilation emits: OpenCL for an engine, and programs for it."""
