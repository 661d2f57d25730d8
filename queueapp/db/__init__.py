"""Tables, sessions, migrations and the read-only queries of pages."""
