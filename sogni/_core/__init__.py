# tmp
"""What users touch: the client, its resources, projects and results. Each call waits only through the bridge."""
