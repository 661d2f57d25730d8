// Puts the day sheet by once a minute, so that what is kept is never five minutes old while the
// server answers; leaving the desk by signing out takes it away.

import { clinicNow, heardFrom } from "./clock.js";

const STORE = "queueapp-day-sheet";
const EVERY_MS = 60000;
const FIRST_AFTER_MS = 2000;

const link = document.querySelector("[data-sheet]");
const said = document.querySelector("[data-sheet-said]");
// Browsers offer both on https and on this machine alone; elsewhere an open sheet keeps itself fresh.
const canKeep = Boolean(navigator.serviceWorker && window.caches);

function tell(words) {
  if (said && said.textContent !== words) said.textContent = words;
}

async function keep() {
  const url = link.dataset.sheet;
  try {
    const answer = await fetch(url);
    if (answer.redirected || answer.status === 401 || answer.status === 403) return forget();
    if (!answer.ok) return;
    heardFrom(answer);
    const store = await caches.open(STORE);
    await store.addAll(JSON.parse(link.dataset.files));
    await store.put(url, answer);
    const clock = new Date(clinicNow()).toLocaleTimeString("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      timeZone: document.body.dataset.zone,
    });
    tell(`kept ${clock}`);
    document.body.dataset.sheetKept = "yes";
  } catch {
    // The server is gone: what was put by before is what there is.
  }
}

async function forget() {
  await caches.delete(STORE);
  tell("");
}

/** Begin to keep the sheet, where the browser can. */
export function startKeeping() {
  if (!link || !canKeep) return;
  navigator.serviceWorker.register(link.dataset.worker).then(
    () => {
      setTimeout(keep, FIRST_AFTER_MS);
      setInterval(keep, EVERY_MS);
    },
    () => tell(""),
  );
  document.querySelector("form.who")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    await forget();
    event.target.submit();
  });
}
