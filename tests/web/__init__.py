"""Pages, forms and API, in this process."""
