"""Evaluating a graph: reading what is measured, and showing what came of it."""
