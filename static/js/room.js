// The room: one press at a time, each said in words; keys; clocks that run; panels.
// Without this script every form and link of the page works as an ordinary one.

import { complete, newKey, showProblem } from "./forms.js";
import { serverNow } from "./live.js";
import { toggleNames } from "./names.js";
import { hearAlarms } from "./room/alarm.js";
import { keysAreOff, keysOff, onKeys } from "./room/keys.js";

const page = document.querySelector("[data-room]");
const panel = document.getElementById("room-panel");
// The green button changes, or comes with the page, under the finger: a second tap meant for what was
// there before does nothing.
const SETTLES_MS = 700;
const SAID_FOR_MS = 6000;
const REFUSED_FOR_MS = 20000;
// Once a second would skip a second whenever it comes a little late.
const TICKS_MS = 250;

let sending = false;
let shownPart = null;
let steps = "";
let settledAt = 0;
let cameFrom = null;
let lookedFor = "";

const primary = () => [...document.querySelectorAll("[data-primary]")].find((b) => b.offsetParent);
const now = () => performance.now();

/* ---------- what was said ---------- */

function hush() {
  for (const place of document.querySelectorAll("[data-said-here]")) place.replaceChildren();
}

function say(words, kind) {
  const message = document.createElement("p");
  message.className = `msg msg--${kind}`;
  message.setAttribute("role", kind === "refused" ? "alert" : "status");
  const text = document.createElement("span");
  text.textContent = words;
  message.append(text);
  hush();
  const places = [...document.querySelectorAll("[data-said-here]")];
  // Beside the green button where there is one, else on top of the page.
  (places.find((place) => place.parentElement.matches(".act") && place.parentElement.offsetParent) || places[0]).append(message);
  setTimeout(() => message.remove(), kind === "refused" ? REFUSED_FOR_MS : SAID_FOR_MS);
}

/* ---------- commands ---------- */

async function send(form, submitter) {
  const key = complete(form);
  const data = new FormData(form, submitter);
  const url = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
  sending = true;
  document.body.toggleAttribute("data-sending", true);
  hush();
  for (const words of form.querySelectorAll("[data-said]")) words.remove();
  try {
    const answer = await fetch(url, {
      method: "POST",
      body: data,
      headers: { Accept: "application/json, application/problem+json" },
    });
    if (answer.status < 500) key.value = newKey();
    if (answer.status === 401 || answer.redirected) return location.reload();
    const body = await answer.json();
    if (answer.ok) done(form, body);
    else refused(form, body);
  } catch {
    // Its key stays, so that pressing again has one effect.
    say("This could not be sent. Nothing is lost: press again when the page is live.", "refused");
  } finally {
    sending = false;
    document.body.toggleAttribute("data-sending", false);
  }
}

function done(form, answer) {
  const wasAsked = panel.contains(form);
  if (wasAsked) {
    cameFrom = null;
    closePanel();
    // What was asked is done: the keys are for the green button again.
    document.activeElement?.blur();
  }
  if (answer.said) say(answer.said, "done");
}

function refused(form, problem) {
  if (panel.contains(form) && form.matches(".ask")) showProblem(form, problem);
  else say(problem.detail || problem.title, "refused");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-act]")) return;
  event.preventDefault();
  const isPrimary = event.submitter?.hasAttribute("data-primary");
  if (sending || document.body.dataset.live === "no") return;
  if (isPrimary && now() - settledAt < SETTLES_MS) return;
  send(form, event.submitter);
});

/* ---------- panels ---------- */

async function openPanel(link) {
  if (link instanceof Element && !panel.contains(link)) cameFrom = link;
  try {
    const answer = await fetch(link.href, { headers: { "X-Panel": "1" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    panel.innerHTML = await answer.text();
    showPanel();
  } catch {
    location.assign(link.href);
  }
}

function showPanel() {
  if (panel.matches(":modal") === false) {
    panel.removeAttribute("open");
    panel.showModal();
  }
  panel.setAttribute("aria-label", panel.querySelector("h1")?.textContent || "");
  const off = panel.querySelector("[data-keys-off]");
  if (off) off.checked = keysAreOff();
  (panel.querySelector("[data-told] ~ .ask .pri, .ask select, .ask input:not([type=hidden]), .ask button, .stack .btn") || panel.querySelector("h1"))?.focus({ preventScroll: true });
}

function closePanel() {
  if (panel.open) panel.close();
}

panel.addEventListener("close", () => {
  // Told with the next frame: by then another panel may be open.
  if (panel.open) return;
  panel.replaceChildren();
  if (location.search) history.replaceState(null, "", page.dataset.page);
  if (cameFrom?.isConnected) cameFrom.focus({ preventScroll: true });
  cameFrom = null;
});

document.addEventListener("click", (event) => {
  const target = event.target.closest("a, button, dialog");
  if (!target || event.metaKey || event.ctrlKey) return;
  if (target === panel && event.target === panel && event.offsetX < 0) return closePanel();
  if (target.matches("[data-panel]")) {
    event.preventDefault();
    if (document.body.dataset.live !== "no") openPanel(target);
  } else if (target.matches("[data-close]")) {
    event.preventDefault();
    closePanel();
  } else if (target.matches("[data-put]")) {
    const field = target.form?.elements.namedItem(target.dataset.put) || panel.querySelector(`[name="${target.dataset.put}"]`);
    if (field) field.value = target.dataset.value;
  } else if (target.matches("[data-show-part]")) {
    shownPart = target.dataset.showPart;
    showPart();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-keys-off]")) keysOff(event.target.checked);
  if (event.target.name === "resolution") tellOutcome();
});

/** The green button says as what it finishes the visit. */
function tellOutcome() {
  for (const place of document.querySelectorAll("[data-outcome-as]")) {
    const chosen = place.closest("button").form?.querySelector('[name="resolution"]:checked');
    const outcome = chosen?.closest("label").querySelector("span").textContent.toLowerCase();
    place.textContent = outcome ? ` as ${outcome}` : "";
  }
}

/* ---------- what runs by itself ---------- */

/** Only when it changes, as it is read aloud then. */
function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  const at = serverNow();
  for (const one of document.querySelectorAll("[data-elapsed]")) {
    const seconds = Math.max(0, Math.floor((at - Date.parse(one.dataset.elapsed)) / 1000));
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const two = (n) => String(n).padStart(2, "0");
    write(one, h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
  }
  for (const bar of document.querySelectorAll("[data-elapsed-bar]")) {
    const share = (at - Date.parse(bar.dataset.elapsedBar)) / 1000 / Number(bar.dataset.far);
    bar.setAttribute("width", String(Math.round(Math.min(Math.max(share, 0), 1) * 338)));
  }
  for (const one of document.querySelectorAll("[data-minutes]")) {
    write(one, one.dataset.as.replace("%", Math.max(0, Math.floor((at - Date.parse(one.dataset.minutes)) / 60000))));
  }
  for (const one of document.querySelectorAll("[data-asks-at]")) one.hidden = at < Date.parse(one.dataset.asksAt);
  for (const one of document.querySelectorAll("[data-gone-at]")) one.hidden = at >= Date.parse(one.dataset.goneAt);
  lookAgain(at);
}

// Somebody may be called from a certain moment on though nothing happens then.
function lookAgain(at) {
  const when = document.querySelector("[data-changes-at]")?.dataset.changesAt || "";
  if (!when || when === lookedFor || at < Date.parse(when) + 500 || sending || panel.open) return;
  if (document.querySelector('[name="resolution"]:checked, .onward[open]')) return;
  lookedFor = when;
  location.reload();
}

onKeys({
  isBusy: () => panel.open,
  primary,
  press: (key) => [...document.querySelectorAll(`main [data-key="${key}"]`)].find((one) => one.offsetParent)?.click(),
  help: () => openPanel({ href: `${page.dataset.page}?panel=keys` }),
  names: () => say(toggleNames() ? "Names are hidden on this screen. I shows them again." : "Names are shown.", "done"),
});

function showPart() {
  const parts = [...document.querySelectorAll("[data-part]")];
  if (!parts.some((part) => part.dataset.part === shownPart)) shownPart = parts[0]?.dataset.part ?? null;
  for (const part of parts) part.hidden = part.dataset.part !== shownPart;
}

function settle() {
  showPart();
  const step = primary()?.dataset.step || "";
  if (step !== steps) {
    steps = step;
    settledAt = now();
  }
  tellOutcome();
  hearAlarms();
  tick();
}

document.addEventListener("queueapp:update", settle);
settle();
setInterval(tick, TICKS_MS);
document.body.dataset.roomReady = "yes";
if (panel.open) showPanel();
for (const words of document.querySelectorAll(".roomsaid .msg")) setTimeout(() => words.remove(), SAID_FOR_MS);
