// Panels in the place of the rail: opened, closed, and kept true while their row changes.

import { choose, chosen, rowOf, toList } from "./rows.js";
import { weigh } from "./effect.js";

const main = document.querySelector("[data-desk]");
export const panel = document.getElementById("desk-panel");
export const PANEL = { "X-Panel": "1" };

let cameFrom = null; // what had the focus before the panel opened
let openUrl = null; // what the panel shows, to ask for it again
let asked = 0;

const FIELDS =
  ".field input:not([type=hidden]), .field textarea, .field select, .slots input, input[name^=how], .go-row .btn";

export function setPanel(html) {
  panel.innerHTML = html;
  panel.hidden = false;
  panel.setAttribute("aria-label", panel.querySelector(".who-name")?.textContent || "");
  main.classList.add("open");
  const wrong = panel.querySelector("[aria-invalid], .err input, .err select");
  const form = panel.querySelector("form.inset[data-act], form.body[data-act]");
  // A booking whose line was read goes on with its times.
  const read = panel.querySelector("[data-book] [name=read]")?.value;
  const time = read && panel.querySelector(".slots input:checked");
  const found = panel.querySelector("[data-find-form]") && panel.querySelector("#find");
  const first = wrong || time || form?.querySelector(FIELDS) || found || panel.querySelector("a.btn, button");
  (first || panel).focus({ preventScroll: false });
  if (first === found && found) found.select();
  weigh(panel);
}

export async function openPanel(url, { keep = false } = {}) {
  if (!keep && !panel.contains(document.activeElement)) cameFrom = document.activeElement;
  const mine = ++asked;
  try {
    const answer = await fetch(url, { headers: PANEL });
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    if (mine !== asked) return;
    openUrl = answer.url;
    setPanel(html);
    const entry = answer.url.match(/\/entries\/(\d+)/)?.[1];
    if (entry) choose(entry);
  } catch {
    location.assign(url);
  }
}

export function closePanel() {
  if (panel.hidden) return;
  asked++;
  openUrl = null;
  panel.hidden = true;
  panel.replaceChildren();
  main.classList.remove("open");
  if (location.pathname !== main.dataset.desk) history.replaceState(null, "", main.dataset.desk);
  if (chosen() && rowOf(chosen())) choose(chosen(), { focus: true });
  else if (cameFrom?.isConnected && cameFrom !== document.body) cameFrom.focus();
  else toList();
}

/* ---------- kept true ---------- */

const AFTER_MS = 250;
let freshTimer;
let seenAs = "";

const sign = (row) => (row ? [row.dataset.version, row.querySelector(".range")?.textContent, row.querySelector(".pos")?.textContent].join("|") : "-");

/** The list has changed: an opened row that changed with it is read again. */
export function freshen() {
  const entry = panel.querySelector("[data-open-entry]")?.dataset.openEntry;
  if (panel.hidden || !entry) return (seenAs = "");
  const now = `${entry}:${sign(rowOf(entry))}`;
  if (seenAs === "") seenAs = `${entry}:`;
  if (now === seenAs) return;
  const isFirst = seenAs === `${entry}:`;
  const isVersion = panel.querySelector("[data-open-entry]").dataset.version !== (rowOf(entry)?.dataset.version ?? "-");
  seenAs = now;
  if (isFirst && !isVersion) return;
  clearTimeout(freshTimer);
  freshTimer = setTimeout(() => refetch(entry), AFTER_MS);
}

async function refetch(entry) {
  const open = panel.querySelector("[data-open-entry]");
  if (panel.hidden || open?.dataset.openEntry !== entry) return;
  const url = openUrl && openUrl.includes(`/entries/${entry}`) ? openUrl : `/desk/entries/${entry}`;
  const mine = asked;
  try {
    const answer = await fetch(url, { headers: PANEL });
    if (!answer.ok || mine !== asked) return;
    const fresh = document.createElement("div");
    fresh.innerHTML = await answer.text();
    const version = fresh.querySelector("[data-open-entry]")?.dataset.version;
    const isChanged = version !== open.dataset.version;
    const form = panel.querySelector("form.inset");
    const next = fresh.querySelector("form.inset");
    // What is being filled in stays as it is, and says what it was shown as true of, so that what
    // happened meanwhile is told before it is done. A verb that does not apply any more goes.
    if (form && next) next.replaceWith(form.cloneNode(true));
    if (isChanged) fresh.prepend(news(fresh));
    Idiomorph.morph(panel, fresh.innerHTML, {
      morphStyle: "innerHTML",
      callbacks: { beforeNodeMorphed: (old) => !(old === form && next) },
    });
    if (!panel.contains(document.activeElement) && document.activeElement === document.body) panel.focus();
    weigh(panel);
  } catch {
    // Not live: the page says so, and the next update asks again.
  }
}

/** Who did what, on top of what is opened. */
function news(fresh) {
  const last = fresh.querySelector(".rest .log li");
  const words = document.createElement("p");
  words.className = "changed";
  words.setAttribute("role", "status");
  const [at, what, who] = ["time", "span", "em"].map((part) => last?.querySelector(part)?.textContent.trim() || "");
  words.textContent = last ? `Just now: ${what.charAt(0).toLowerCase()}${what.slice(1)}, ${at}, ${who.replace(/ \d+$/, "")}.` : "This has just changed.";
  return words;
}
