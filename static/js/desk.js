// The desk: one line for walk-ins, rows chosen by arrow keys, panels in the place of the rail, undo.
// Without this script every link and form of the page works as an ordinary one.

import { complete, newKey, showProblem } from "./forms.js";
import { serverNow } from "./live.js";

const main = document.querySelector("[data-desk]");
const panel = document.getElementById("desk-panel");
const line = document.getElementById("line");
const addForm = document.getElementById("desk-add");
const PANEL = { "X-Panel": "1" };
const PREVIEW_AFTER_MS = 120;
const SAID_FOR_MS = 8000;

let selected = null; // the entry whose row is chosen
let shown = ""; // the service that is shown alone
let cameFrom = null; // what had the focus before the panel opened

/* ---------- rows ---------- */

const rows = () => [...document.querySelectorAll("tr.line:not([hidden])")];
const rowOf = (entry) => document.getElementById(`row-${entry}`);

function choose(entry, { focus = false } = {}) {
  selected = entry;
  for (const row of document.querySelectorAll("tr.line")) {
    const is = row.dataset.entry === entry;
    row.classList.toggle("sel", is);
    row.tabIndex = is ? 0 : -1;
    if (is) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    if (is && focus) {
      row.focus({ preventScroll: true });
      row.scrollIntoView({ block: "nearest" });
    }
  }
  // The list is reached by Tab even before a row was chosen.
  if (!rowOf(entry) && rows()[0]) rows()[0].tabIndex = 0;
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.dataset.entry === selected);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  choose(all[next].dataset.entry, { focus: true });
}

function filter() {
  const word = document.getElementById("find")?.value.trim().toLowerCase() || "";
  for (const one of document.querySelectorAll("[data-find]")) {
    one.hidden = word !== "" && !one.dataset.find.includes(word);
  }
  const services = [...document.querySelectorAll("[data-show]")];
  if (!services.some((button) => button.dataset.show === shown)) shown = "";
  for (const button of services) button.setAttribute("aria-pressed", String(button.dataset.show === shown));
  for (const row of document.querySelectorAll("tr.line")) {
    row.hidden = shown !== "" && row.dataset.service !== shown;
  }
}

/* ---------- panels ---------- */

function setPanel(html) {
  panel.innerHTML = html;
  panel.hidden = false;
  panel.setAttribute("aria-label", panel.querySelector(".who-name")?.textContent || "");
  main.classList.add("open");
  const wrong = panel.querySelector("[aria-invalid], .err input, .err select");
  const form = panel.querySelector("form[data-act]:not(.verbs form)");
  const fields = ".field input, .field select, .slots input, input[name^=how], .go-row .btn";
  const first = wrong || form?.querySelector(fields) || panel.querySelector("a.btn, button");
  (first || panel).focus({ preventScroll: false });
}

async function openPanel(url, { keep = false } = {}) {
  if (!keep && !panel.contains(document.activeElement)) cameFrom = document.activeElement;
  try {
    const answer = await fetch(url, { headers: PANEL });
    if (!answer.ok) throw new Error(String(answer.status));
    setPanel(await answer.text());
    const entry = answer.url.match(/\/entries\/(\d+)/)?.[1];
    if (entry) choose(entry);
  } catch {
    location.assign(url);
  }
}

function closePanel() {
  if (panel.hidden) return;
  panel.hidden = true;
  panel.replaceChildren();
  main.classList.remove("open");
  if (location.pathname !== main.dataset.desk) history.replaceState(null, "", main.dataset.desk);
  const row = selected && rowOf(selected);
  if (row) choose(selected, { focus: true });
  else if (cameFrom?.isConnected) cameFrom.focus();
}

/* ---------- commands ---------- */

async function send(form, submitter) {
  const key = complete(form);
  const inPanel = panel.contains(form);
  forget(form);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form, submitter),
      headers: { ...PANEL, Accept: "application/json, text/html;q=0.5" },
    });
    if (answer.status < 500) key.value = newKey();
    const kind = answer.headers.get("Content-Type") || "";
    if (kind.includes("text/html")) {
      if (answer.status === 401 || answer.redirected) return location.reload();
      if (inPanel) setPanel(await answer.text());
      else location.reload();
    } else if (answer.ok) {
      done(form, await answer.json(), inPanel);
    } else if (form === addForm) {
      problem((await answer.json()).detail);
    } else {
      refused(form, await answer.json());
    }
  } catch {
    // Its key stays, so that pressing again has one effect.
    say("This could not be sent. Nothing is lost: press again when the page is live.", "refused");
  }
}

function done(form, answer, inPanel) {
  say(answer.said, "done");
  toast(answer.toast);
  if (form === addForm) {
    line.value = "";
    chips({ chips: [] });
    selected = String(answer.entry);
    choose(selected);
    return;
  }
  if (answer.then) openPanel(answer.then, { keep: true });
  else if (inPanel) closePanel();
}

function refused(form, answer) {
  if (panel.contains(form)) showProblem(form, answer);
  else say(answer.detail, "refused");
}

function forget(form) {
  for (const words of form.querySelectorAll("[data-said]")) words.remove();
}

let saidTimer;
function say(words, kind) {
  let place = document.getElementById("desk-said");
  if (!place) {
    place = document.createElement("p");
    place.id = "desk-said";
    document.querySelector(".foot").prepend(place);
  }
  place.className = `said said--${kind}`;
  place.setAttribute("role", kind === "refused" ? "alert" : "status");
  place.textContent = words;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => place.remove(), kind === "refused" ? 3 * SAID_FOR_MS : SAID_FOR_MS);
}

let toastTimer;
function toast(what) {
  const form = document.querySelector("[data-undo]");
  clearTimeout(toastTimer);
  form.hidden = !what;
  if (!what) return;
  form.elements.event.value = what.event;
  form.querySelector("[data-words]").textContent = `${what.words}.`;
  const ring = form.querySelector(".ring");
  ring.style.setProperty("--left", `${what.left_s}s`);
  ring.style.setProperty("--of", `${what.of_s}s`);
  const run = ring.querySelector(".run");
  run.replaceWith(run.cloneNode()); // starts the ring anew
  toastTimer = setTimeout(() => (form.hidden = true), what.left_s * 1000);
}

/* ---------- the line ---------- */

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

function chips(read) {
  const all = read.told
    ? [...read.chips, { icon: "s-clock", words: `Tell ${read.tell} ${read.told.range}, by ${read.told.by}` }]
    : read.chips;
  document.getElementById("line-chips").replaceChildren(
    ...all.map((one) => {
      const chip = document.createElement("span");
      chip.className = `chip plain${one.icon === "c-urgent" ? " urgent" : ""}`;
      if (one.icon) chip.append(icon(one.icon));
      chip.append(one.words);
      return chip;
    }),
  );
  problem("");
}

function problem(words) {
  const said = document.getElementById("line-said");
  said.textContent = words;
  if (words) line.setAttribute("aria-invalid", "true");
  else line.removeAttribute("aria-invalid");
  addForm.classList.toggle("err", Boolean(words));
}

let previewTimer;
let asked = 0;
line.addEventListener("input", () => {
  clearTimeout(previewTimer);
  previewTimer = setTimeout(preview, PREVIEW_AFTER_MS);
});

async function preview() {
  const mine = ++asked;
  complete(addForm);
  const data = new FormData();
  data.set("line", line.value);
  data.set("csrf_token", addForm.elements.csrf_token.value);
  try {
    const answer = await fetch(addForm.dataset.preview, { method: "POST", body: data, headers: PANEL });
    if (answer.ok && mine === asked) chips(await answer.json());
  } catch {
    // The range is a help: adding works without it, and says itself when it cannot.
  }
}

/* ---------- hands ---------- */

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "desk-find") return event.preventDefault();
  if (!form.matches("[data-act]")) return;
  event.preventDefault();
  clearTimeout(previewTimer);
  asked++;
  send(form, event.submitter);
});

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const target = event.target;
  const show = target.closest("[data-show]");
  if (show) {
    shown = show.dataset.show;
    return filter();
  }
  const why = target.closest("[data-why]");
  if (why) {
    panel.querySelector("[data-why-said]").textContent = why.dataset.why;
    return;
  }
  if (target.closest("[data-close]")) {
    event.preventDefault();
    return closePanel();
  }
  const link = target.closest("a[data-panel]");
  if (link) {
    event.preventDefault();
    return openPanel(link.href);
  }
  const row = target.closest("tr.line");
  if (row && !target.closest("a, button, form")) choose(row.dataset.entry, { focus: true });
});

document.addEventListener("dblclick", (event) => {
  const row = event.target.closest("tr.line");
  if (row) openPanel(row.querySelector("a.more").href);
});

document.addEventListener("change", (event) => {
  // Another service, clinician or day has other free times.
  const form = event.target.form;
  if (!form || !panel.contains(form)) return;
  const look = form.querySelector("[data-look]");
  if (look && ["service", "clinician", "day"].includes(event.target.name)) send(form, look);
});

document.addEventListener("input", (event) => {
  if (event.target.id === "find") filter();
});

const typing = (element) => element.matches("input, select, textarea, [contenteditable]");

function verb(key) {
  const inPanel = panel.querySelector(`.verbs [data-key="${key}"]`);
  if (inPanel) return inPanel.click();
  const off = [...panel.querySelectorAll(".verbs .off")].find((b) => b.textContent.trim().endsWith(key.toUpperCase()));
  if (off) return off.click();
  const verbs = { c: "call", m: "move", t: "transfer", k: "class", s: "out", h: "here", l: "left", w: "wish", a: "absent", g: "start", f: "finish" };
  const row = selected && rowOf(selected);
  if (row && verbs[key]) openPanel(`${row.querySelector("a.more").href}?verb=${verbs[key]}`);
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  const at = event.target;
  if (event.key === "Escape") {
    const cancel = panel.querySelector("[data-cancel]");
    if (panel.contains(at) && cancel) return cancel.click();
    if (!panel.hidden) return closePanel();
    if (at === line) {
      line.value = "";
      chips({ chips: [] });
      return step(selected ? 0 : 1);
    }
    if (at.id === "find") {
      at.value = "";
      filter();
      return step(selected ? 0 : 1);
    }
    return;
  }
  if (at === line && event.key === "ArrowDown") {
    event.preventDefault();
    return step(selected ? 0 : 1);
  }
  if (event.key === "Enter" && at.matches("select") && panel.contains(at)) {
    // Browsers send a form by Enter from a line of text, and not from a choice.
    event.preventDefault();
    return at.form.requestSubmit(at.form.querySelector(".btn.pri"));
  }
  if (typing(at)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const acts = {
    n: () => line.focus(),
    "/": () => document.getElementById("find").focus(),
    u: () => {
      const form = document.querySelector("[data-undo]");
      if (!form.hidden) form.requestSubmit();
    },
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
  };
  if (key === "Enter") {
    if (at.matches("tr.line")) openPanel(at.querySelector("a.more").href);
    return;
  }
  if (at.matches("a, button, summary") && key === " ") return;
  const act = acts[key] || (/^[a-z]$/.test(key) && (() => verb(key)));
  if (act) {
    event.preventDefault();
    act();
  }
});

/* ---------- rooms ---------- */

const BAR_MIN = 40; // the whole bar

function tellBars() {
  for (const bar of document.querySelectorAll("[data-bar]")) {
    const gone = (serverNow() - Date.parse(bar.dataset.bar)) / 60000;
    bar.style.setProperty("--gone", String(Math.round((gone / BAR_MIN) * 100)));
    bar.style.setProperty("--planned", String(Math.round((bar.dataset.planned / BAR_MIN) * 100)));
  }
}
setInterval(tellBars, 5000);

/* ---------- live ---------- */

document.addEventListener("queueapp:update", () => {
  const had = document.activeElement;
  filter();
  tellBars();
  choose(selected);
  // A row that moved lost the focus on its way: it gets it back in its new place.
  if (selected && had === document.body && panel.hidden && rowOf(selected)) {
    rowOf(selected).focus({ preventScroll: true });
  }
});

// A message that came with the page is read, then makes room.
const flash = document.querySelector("body > .msg");
if (flash) setTimeout(() => flash.remove(), SAID_FOR_MS);

filter();
tellBars();
choose(panel.querySelector("[data-stay]")?.dataset.stay.match(/\d+$/)?.[0] || null);
document.body.dataset.deskReady = "yes";
