"""Pages and API: one blueprint per person."""
