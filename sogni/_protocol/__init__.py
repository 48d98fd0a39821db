"""The protocol without I/O: frames, messages, state and REST calls as plain values."""
