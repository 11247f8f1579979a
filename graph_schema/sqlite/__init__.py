"""The embedded graph store: one SQLite file."""
