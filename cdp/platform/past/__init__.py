"""The product as it was known at an earlier moment: the same answers, from facts recorded by then."""
