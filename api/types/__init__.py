"""The GraphQL types. They are views: an object holds a value of the graph and the request's context,
and its fields are attributes or plain methods, which the executor reads without ceremony."""
