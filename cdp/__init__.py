"""The product: it puts the parts together, and nobody imports it."""
