"""Kills, cut networks, full disks: what is done to a served clinic, and how it is judged."""
