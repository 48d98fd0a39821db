"""Tools that write code of this project."""
