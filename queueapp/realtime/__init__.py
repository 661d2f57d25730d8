"""Channels, who may join them, and what each screen is sent."""
