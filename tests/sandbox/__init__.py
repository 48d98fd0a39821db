"""The sandbox itself: what it serves, how it fails on request, and what it renders."""
