"""The way of a record into the graph: the worker and what it does."""
