"""How well people were told apart: measures, baselines, hidden logins, and which pairs are wrong."""
