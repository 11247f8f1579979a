"""How clients ask: HTTP, GraphQL, WebSocket. The only importer of aiohttp and strawberry."""
