"""Segments: what a rule means, read in the stream."""
