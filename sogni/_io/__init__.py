"""The only place with sockets, threads and the user's files; it knows nothing of asyncio."""
