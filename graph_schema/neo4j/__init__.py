"""The graph store at scale: Neo4j, through the official asynchronous driver."""
