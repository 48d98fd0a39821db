"""The tests, and what several of them share; a package so that no library's own `tests` can be taken for it."""
