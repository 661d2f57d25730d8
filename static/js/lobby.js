// The lobby's voice and chime. A call is heard once, however often its page is painted.
import { serverNow } from "./live.js";
import { startDisplay, hasStarted } from "./lobby-start.js";
import { announce } from "./lobby-voice.js";

const heard = new Set();
let paintedUpTo = 0;

function elapsed() {
  for (const element of document.querySelectorAll("[data-elapsed]")) {
    const minutes = Math.max(0, Math.floor((serverNow() - Date.parse(element.dataset.elapsed)) / 60000));
    if (element.textContent !== String(minutes)) element.textContent = String(minutes);
  }
}

function hear(calls, { quietly = false } = {}) {
  const fresh = calls.filter((call) => !call.withdrawn && call.call > paintedUpTo && !heard.has(call.call));
  fresh.forEach((call) => heard.add(call.call));
  // Updates tell of older calls than the page paints: those are no news.
  if (quietly) paintedUpTo = Math.max(0, ...heard);
  if (fresh.length === 0 || quietly) return;
  document.querySelector(".now[data-call]")?.setAttribute("data-new", "");
  document.body.dataset.chimed = String(Number(document.body.dataset.chimed ?? 0) + 1);
  // Oldest first: who was called first is told first.
  if (hasStarted()) announce(fresh.sort((a, b) => a.call - b.call));
}

hear([...document.querySelectorAll("[data-call], .before li[id]")].map((e) => ({ call: Number(e.dataset.call ?? e.id.split("-")[1]) })), { quietly: true });
document.addEventListener("queueapp:update", (event) => {
  if (event.detail.channel.startsWith("lobby:") && event.detail.calls) hear(event.detail.calls);
  elapsed();
});
startDisplay();
elapsed();
setInterval(elapsed, 1000);
