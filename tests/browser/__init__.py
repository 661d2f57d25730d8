"""People at their screens, in real Chromium."""
