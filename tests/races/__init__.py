"""Races between processes on one database; each can run with its guard taken away."""
