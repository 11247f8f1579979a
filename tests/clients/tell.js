// Tells the test what the client says it sent, and what went wrong on a page.
const told = { page: location.pathname, events: [] };

function tell(more) {
  return fetch("/told", { method: "POST", body: JSON.stringify({ ...told, ...more }) });
}

addEventListener("error", (event) => tell({ error: event.message }));
addEventListener("unhandledrejection", (event) => tell({ error: String(event.reason) }));

// Once a call is delivered (or queued, where the client batches): the event that it became.
async function sent(call) {
  const context = await call;
  const { type, messageId, timestamp } = context.event;
  const failed = context.failedDelivery();
  if (failed) throw failed.reason;
  told.events.push({ type, messageId, timestamp: new Date(timestamp).toISOString() });
  // As a person would: the next one is later by any clock.
  await new Promise((resolve) => setTimeout(resolve, 20));
}
