"""Comparing two stores that were to hold the same graph, by what the protocol lets anyone read."""
