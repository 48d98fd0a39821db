"""Fuzzing what a server sends: frames, messages, whole histories, HTTP answers. `python -m tests.fuzz --seconds 30`."""
