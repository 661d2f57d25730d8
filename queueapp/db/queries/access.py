"""Who someone is: from what a cookie, a link or a bearer token says, as the database stands now."""
