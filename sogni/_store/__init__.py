"""Files of our own in the user's state folder."""
