"""Answers about IR; nothing here changes it."""
