// The kiosk. Steps are swapped into the one page, so that no history, no address and no form of a
// person is left for the next; after a while without a touch it asks, then goes back to the start.
import { serverNow } from "./live.js";
import { _, locale } from "./words.js";

const START_AFTER_S = 15;
const greetings = () => [[4, _("Good morning")], [12, _("Good afternoon")], [18, _("Good evening")]];

const place = () => document.getElementById("kiosk");
let busy = false;
let touchedAt = performance.now();
let endsAt = null;
let ringFull = 0;
let typing = null;

/* ---------- one page for all steps ---------- */
async function go(url, options = {}) {
  if (busy) return;
  busy = true;
  place().toggleAttribute("data-busy", true);
  try {
    const answer = await fetch(url, { ...options, headers: { Accept: "text/html" }, cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("kiosk");
    // An error page, a sign-in: shown as what it is.
    if (!next) return start();
    swap(page, next);
  } catch {
    say(_("This could not be sent. Please touch again, or ask at the desk."));
  } finally {
    busy = false;
    place().removeAttribute("data-busy");
  }
}

function swap(page, next) {
  document.title = page.title;
  document.body.className = page.body.className;
  document.documentElement.lang = page.documentElement.lang;
  document.documentElement.dir = page.documentElement.dir;
  document.body.dataset.words = page.body.dataset.words || "{}";
  document.querySelector('meta[name="csrf-token"]').content =
    page.querySelector('meta[name="csrf-token"]').content;
  document.getElementById("still")?.remove();
  const still = page.getElementById("still");
  place().replaceWith(document.importNode(next, true));
  if (still) place().after(document.importNode(still, true));
  for (const live of place().querySelectorAll(".live")) live.dataset.live = document.body.dataset.live || "yes";
  scrollTo(0, 0);
  arrived();
}

function start() {
  location.replace(place().dataset.home);
}

function say(words) {
  const message = document.createElement("p");
  message.className = "msg msg--field";
  message.setAttribute("role", "alert");
  message.textContent = words;
  place().querySelector("main .msg")?.remove();
  (place().querySelector(".ask") || place().querySelector("main")).append(message);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("#kiosk a[href]");
  if (!link || event.defaultPrevented) return;
  event.preventDefault();
  if (link.hasAttribute("data-end")) start();
  else go(link.href);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.closest("#kiosk")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  go(event.submitter?.getAttribute("formaction") || form.action, { method: "POST", body });
});

/* ---------- keys on the screen ---------- */
function arrived() {
  touchedAt = performance.now();
  typing = place().querySelector("[data-type][aria-invalid]") || place().querySelector("[data-type]");
  for (const keys of place().querySelectorAll("[data-keys]")) keys.hidden = false;
  for (const field of place().querySelectorAll("[data-type]")) field.inputMode = "none";
  if (typing) typing.focus();
  else place().querySelector("h1[tabindex]")?.focus();
  const done = place().querySelector("[data-done]");
  endsAt = done ? performance.now() + Number(done.dataset.done) * 1000 : null;
  ringFull = done ? Number(done.dataset.done) : 0;
  eachSecond();
}

function type(text) {
  if (!typing) return;
  const { selectionStart: from, selectionEnd: to, maxLength } = typing;
  if (typing.value.length - (to - from) + text.length > maxLength) return;
  // A name begins each word with a capital; the code is capitals throughout.
  const isFirst = from === 0 || /[\s’-]/.test(typing.value[from - 1]);
  const isSmall = typing.autocapitalize === "words" && !isFirst;
  typing.setRangeText(isSmall ? text.toLocaleLowerCase(document.documentElement.lang) : text, from, to, "end");
  typed();
}

function rub() {
  if (!typing) return;
  const { selectionStart: from, selectionEnd: to } = typing;
  if (from === to && from === 0) return before();
  typing.setRangeText("", from === to ? from - 1 : from, to, "end");
}

const fields = () => [...place().querySelectorAll("[data-type]")];

function typed() {
  if (fields().length > 1 && typing.value.length >= typing.maxLength) after();
}

function after() {
  const next = fields()[fields().indexOf(typing) + 1];
  if (next) next.focus();
  else place().querySelector(".btn--go")?.focus();
}

function before() {
  const last = fields()[fields().indexOf(typing) - 1];
  if (last) last.focus();
}

document.addEventListener("focusin", (event) => {
  if (event.target.matches?.("[data-type]")) typing = event.target;
});
document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-type]")) typed();
});

// The field keeps the focus, so a keyboard that is plugged in goes on where the finger was.
document.addEventListener("pointerdown", (event) => {
  if (event.target.closest?.(".key")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const key = event.target.closest(".key");
  if (!key) return;
  if ("rub" in key.dataset) rub();
  else if ("next" in key.dataset) after();
  else if ("accented" in key.dataset) accents(key);
  else type(key.dataset.key);
});

function accents(key) {
  const on = key.getAttribute("aria-pressed") !== "true";
  key.setAttribute("aria-pressed", on);
  for (const row of place().querySelectorAll("[data-plain]")) row.hidden = on;
  for (const row of place().querySelectorAll("[data-accents]")) row.hidden = !on;
}

/* ---------- a code held under the reader ---------- */
// Scanners type like a keyboard and end with Enter. On a page with a field they type into it; on
// the start page what they type is gathered here, and the form that waits there takes it.
const SCAN_GAP_MS = 250;
const LEAST_OF_A_CODE = 4;
let scanned = "";
let scannedAt = 0;

document.addEventListener(
  "keydown",
  (event) => {
    const form = place().querySelector("[data-scan]");
    if (!form || event.ctrlKey || event.altKey || event.metaKey) return;
    const now = performance.now();
    if (now - scannedAt > SCAN_GAP_MS) scanned = "";
    if (event.key.length === 1) {
      scanned += event.key;
      scannedAt = now;
    } else if (event.key === "Enter" && scanned.length >= LEAST_OF_A_CODE) {
      event.preventDefault();
      form.elements.sought.value = scanned;
      scanned = "";
      form.requestSubmit();
    }
  },
  true,
);

/* ---------- nobody there any more ---------- */
for (const kind of ["pointerdown", "keydown", "touchstart"]) {
  document.addEventListener(kind, () => (touchedAt = performance.now()), { passive: true, capture: true });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-still]")) document.getElementById("still").close();
  if (event.target.closest("[data-more]")) {
    ringFull = 90;
    endsAt = performance.now() + ringFull * 1000;
    eachSecond();
  }
});

function idle() {
  const limit = Number(place().dataset.idle || 0);
  const still = document.getElementById("still");
  if (!limit || endsAt !== null || !still) return;
  const left = Math.ceil(limit + START_AFTER_S - (performance.now() - touchedAt) / 1000);
  if (left <= 0) return start();
  if (left > START_AFTER_S) {
    if (still.open) still.close();
    return;
  }
  if (!still.open) still.showModal();
  still.querySelector("[data-still-left]").textContent = left;
}

function countDown() {
  if (endsAt === null) return;
  const left = Math.ceil((endsAt - performance.now()) / 1000);
  if (left <= 0) return start();
  const done = place().querySelector("[data-done]");
  done.querySelector("[data-left]").textContent = left;
  done.querySelector(".ring").style.setProperty("--left", Math.min(1, left / ringFull));
}

function day() {
  const zone = document.body.dataset.zone || undefined;
  const at = serverNow();
  const parts = (options, by) => new Intl.DateTimeFormat(by, { timeZone: zone, ...options }).format(at);
  for (const words of document.querySelectorAll("[data-clock-day]")) {
    const plain = parts({ weekday: "long", day: "numeric", month: "long" }, locale());
    const today = locale() === "en-GB" ? plain.replace(",", "") : plain;
    if (words.textContent !== today) words.textContent = today;
  }
  const hour = Number(parts({ hour: "2-digit", hourCycle: "h23" }, "en-GB"));
  const greeting = (greetings().findLast(([from]) => hour >= from) || greetings().at(-1))[1];
  for (const words of document.querySelectorAll("[data-greeting]")) {
    if (words.textContent !== greeting) words.textContent = greeting;
  }
}

function eachSecond() {
  idle();
  countDown();
  day();
}

// A page kept by the browser for its "back" would show the last person's: begin anew.
addEventListener("pageshow", (event) => event.persisted && start());
arrived();
setInterval(eachSecond, 500);
