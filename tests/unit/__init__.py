"""Tests that need nothing but Python: no files, no network, no clock."""
