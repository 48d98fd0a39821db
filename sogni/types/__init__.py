"""Frozen shapes that users pass or receive, one subject per module."""
