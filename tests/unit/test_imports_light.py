"""What importing and using the packages loads, each tried in a fresh interpreter."""
