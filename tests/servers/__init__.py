"""Application servers that fork: gunicorn with preload, Celery prefork with Redis, as real processes."""
