"""Formats of others: import, export, calendars, FHIR."""
