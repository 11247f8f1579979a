"""Who is who: pure functions over recorded evidence."""
