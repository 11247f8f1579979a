"""What api asks for, answered."""
