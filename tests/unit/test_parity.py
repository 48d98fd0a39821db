"""Both packages offer the same: names, signatures, annotations, and shared classes as one object."""
