// Keeps the day sheet: answers for the desk when the server does not. It never makes the sheet, it
// only gives out what the desk has put by; a login that has ended takes it away.

const STORE = "queueapp-day-sheet";
const PATIENCE_MS = 8000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request, event));
  else if (["style", "script"].includes(request.destination)) event.respondWith(file(request));
});

async function page(request, event) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    // Sent elsewhere, perhaps to sign in: whether the sheet is still ours to give is asked.
    if (answer.type === "opaqueredirect" || answer.status === 403) event.waitUntil(check());
    if (answer.status < 500) return answer;
    return (await kept(request)) || answer;
  } catch (error) {
    const sheet = await kept(request);
    if (sheet) return sheet;
    throw error;
  }
}

async function check() {
  const store = await caches.open(STORE);
  for (const one of await store.keys()) {
    if (!one.url.endsWith("/sheet")) continue;
    const answer = await fetch(one.url);
    if (answer.redirected || answer.status === 401 || answer.status === 403) await caches.delete(STORE);
  }
}

// Any page of a site's desk is its sheet while the server is gone: /desk/harbour/…
async function kept(request) {
  const site = new URL(request.url).pathname.match(/^\/desk\/([^/]+)/)?.[1];
  const store = await caches.open(STORE);
  const mine = site && (await store.match(`/desk/${site}/sheet`, { ignoreVary: true, ignoreSearch: true }));
  if (mine) return mine;
  // A row or a booking names no site: a desk keeps one.
  const first = (await store.keys()).find((one) => one.url.endsWith("/sheet"));
  return first && store.match(first, { ignoreVary: true });
}

async function file(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await (await caches.open(STORE)).match(request, { ignoreVary: true, ignoreSearch: true });
    if (found) return found;
    throw error;
  }
}
