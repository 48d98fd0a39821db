"""The fault matrix: what breaks, what the user sees, and the tests that show it."""
