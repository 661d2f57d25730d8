"""The commands of `python -m queueapp` that are more than a few lines."""
