"""The values that cross floors. No I/O; frozen wherever they are values."""
