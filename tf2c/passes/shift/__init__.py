"""Passes of stage `shift`: make every weight a signed power of two."""
