"""What each model accepts, as tables, and the generic walk that turns parameters into a job request. No I/O here."""
