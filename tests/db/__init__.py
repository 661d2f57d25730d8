"""Tests on both databases, in this process."""
