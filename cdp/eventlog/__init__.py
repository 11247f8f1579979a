"""The event log: where events and commands are durable before anything else happens to them."""
