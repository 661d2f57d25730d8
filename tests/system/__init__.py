"""Processes of their own: races, kills, several workers."""
