"""Tests by what they need: unit (nothing), db, web, browser, system (processes of their own)."""
