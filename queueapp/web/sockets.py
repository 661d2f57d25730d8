"""The way from a connection to its channels: who connects decides, never what the client asks."""

from flask import Flask

from queueapp.config import Settings


def register(app: Flask, settings: Settings) -> None:
    """Open the live channels of the app."""
