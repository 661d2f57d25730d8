"""Read-only queries: what pages, channels and decisions look at."""
