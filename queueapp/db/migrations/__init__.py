"""Alembic migrations, one schema on SQLite and PostgreSQL."""
