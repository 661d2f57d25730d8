"""Backups: a copy of the database as of one moment, in one file that shows whether it is whole."""
