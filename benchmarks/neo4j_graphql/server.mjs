// @neo4j/graphql on the product's database: POST / with {query, variables}, as its quick start has it,
// but for the framework around it: Node's own HTTP server, which is the quickest there is.
//
// node server.mjs URI USER PASSWORD DATABASE; prints the port it listens on.

import { createServer } from "node:http";
import { Neo4jGraphQL } from "@neo4j/graphql";
import { execute, parse, validate } from "graphql";
import neo4j from "neo4j-driver";

const typeDefs = `#graphql
  # Times are microseconds, as the database has them: DateTime would need APOC on the server.
  type Profile @node {
    id: ID!
    firstSeenAt: BigInt!
    lastSeenAt: BigInt!
    events: Int!
    newest(first: Int!): [Event!]! @cypher(
      statement: """
      MATCH (this)<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(:Session)-[:CONTAINS]->(event:Event)
      RETURN event ORDER BY event.at DESC, event.id DESC LIMIT $first
      """
      columnName: "event"
    )
    segments: [Segment!]! @relationship(type: "MEMBER_OF", direction: OUT, properties: "Membership")
  }
  type Membership @relationshipProperties {
    since: BigInt!
  }
  type Event @node {
    id: ID!
    type: String!
    name: String!
    at: BigInt!
  }
  type Segment @node {
    key: ID!
    name: String!
    members: [Profile!]! @relationship(type: "MEMBER_OF", direction: IN, properties: "Membership")
  }
`;

const [uri, user, password, database] = process.argv.slice(2);
const driver = neo4j.driver(uri, neo4j.auth.basic(user, password));
const schema = await new Neo4jGraphQL({ typeDefs, driver }).getSchema();
const documents = new Map();

// Parsed and validated once, as servers that keep documents do; the product does so too.
function documentOf(query) {
  let document = documents.get(query);
  if (document === undefined) {
    document = parse(query);
    const errors = validate(schema, document);
    if (errors.length > 0) throw errors[0];
    documents.set(query, document);
  }
  return document;
}

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { query, variables } = JSON.parse(Buffer.concat(chunks).toString());
  const result = await execute({
    schema,
    document: documentOf(query),
    variableValues: variables,
    contextValue: { sessionConfig: { database } },
  });
  const body = JSON.stringify(result);
  response.writeHead(200, { "content-type": "application/json" });
  response.end(body);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    response.writeHead(500, { "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ message: String(error) }] }));
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("SIGTERM", async () => {
  server.closeAllConnections();
  server.close();
  await driver.close();
});
