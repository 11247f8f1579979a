"""From bytes to events: what a Segment-compatible client sends, checked. No web framework here."""
