"""The ground floor: what the graph is, and where it is kept."""
