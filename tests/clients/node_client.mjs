// Drives the unmodified @segment/analytics-node: node node_client.mjs ADDRESS WRITE_KEY
// Prints what the client says it sent, as one JSON list of {type, messageId, timestamp}.
import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, maxRetries: 0 });
const sent = [];

function call(type, params) {
  const place = sent.push(type) - 1;
  return new Promise((resolve, reject) => {
    analytics[type](params, (error, context) => {
      if (error) return reject(error);
      const { messageId, timestamp } = context.event;
      sent[place] = { type, messageId, timestamp };
      return resolve();
    });
  });
}

const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000);
const userId = "node-user";
const anonymousId = "node-device";

const delivered = [
  call("identify", {
    userId,
    anonymousId,
    traits: { plan: "pro", logins: 7, address: { city: "Zürich" }, nickname: "" },
    timestamp: minutesAgo(50),
  }),
  call("track", {
    userId,
    event: "Order Completed",
    properties: {
      order_id: "o-1",
      revenue: 39.9,
      currency: "EUR",
      products: [{ product_id: "p1", price: 19.95, quantity: 2 }],
    },
    timestamp: minutesAgo(40),
  }),
  call("page", { anonymousId, name: "Home", category: "Shop", timestamp: minutesAgo(30) }),
  call("screen", { userId, name: "Cart", timestamp: minutesAgo(20) }),
  call("group", { userId, groupId: "g-1", traits: { industry: "tea" }, timestamp: minutesAgo(10) }),
  call("alias", { userId, previousId: "node-user-before", timestamp: minutesAgo(5) }),
  // Without a time: the client gives its own.
  call("track", { anonymousId, event: "Left", context: { traits: { plan: "free" } } }),
];
await analytics.flush();
await Promise.all(delivered);
console.log(JSON.stringify(sent));
