// Keys. Single letters act only while the list or an opened row has the focus, never while typing,
// and can be switched off; the others (arrows, Enter, Escape) belong to what has the focus.

import { toggleNames } from "../names.js";
import { openBooking, parkBooking } from "./book.js";
import { emptyLine, line } from "./line.js";
import { closePanel, openPanel, panel } from "./panel.js";
import { chosen, rowOf, step, toList } from "./rows.js";
import { undo } from "./say.js";

const OFF = "queueapp-desk-keys-off";
const VERBS = { c: "call", m: "move", p: "first", t: "transfer", k: "class", s: "out", h: "here", l: "left", w: "wish", a: "absent", g: "start", f: "finish", e: "note", d: "details" };

const main = document.querySelector("[data-desk]");
const sheet = document.getElementById("desk-keys");
const typing = (element) =>
  element.matches("input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]");

/* ---------- switched on or off, for this browser ---------- */

const areOn = () => document.body.dataset.keys !== "off";

function switchKeys(on) {
  document.body.dataset.keys = on ? "on" : "off";
  sheet.querySelector("[data-keys-on]").checked = on;
}
switchKeys(localStorage.getItem(OFF) === null);

sheet.querySelector("[data-keys-on]").addEventListener("change", (event) => {
  switchKeys(event.target.checked);
  if (event.target.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "yes");
});

export function openSheet() {
  sheet.showModal();
}
/** At once, not when the browser tells of it: by then somebody may have gone on to something else. */
function closeSheet() {
  sheet.close();
  toList();
}
sheet.addEventListener("click", (event) => {
  if (event.target === sheet || event.target.closest("[data-keys-close]")) closeSheet();
});

/* ---------- what they do ---------- */

function verb(key) {
  const inPanel = panel.querySelector(`.verbs [data-key="${key}"]`);
  if (inPanel) return inPanel.click();
  const off = [...panel.querySelectorAll(".verbs .off")].find((b) => b.textContent.trim().endsWith(key.toUpperCase()));
  if (off) return off.click();
  const row = chosen() && rowOf(chosen());
  if (row && VERBS[key]) openPanel(`${row.querySelector("a.more").href}?verb=${VERBS[key]}`);
}

const LETTERS = {
  n: () => line.focus(),
  b: openBooking,
  "/": () => openPanel(main.dataset.findUrl),
  u: undo,
  x: toggleNames,
  "?": openSheet,
};

function escape(at) {
  const cancel = panel.querySelector("[data-cancel]");
  if (panel.contains(at) && cancel) return cancel.click();
  if (!panel.hidden) return parkBooking() || closePanel();
  if (at === line) emptyLine();
  if (chosen()) toList();
  else step(1);
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  const at = event.target;
  if (sheet.open) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    return closeSheet();
  }
  if (event.key === "Escape") return escape(at);
  if (at === line && event.key === "ArrowDown") {
    event.preventDefault();
    return step(chosen() ? 0 : 1);
  }
  if (event.key === "Enter" && panel.contains(at) && at.matches("select, input[type=radio], input[type=checkbox]")) {
    // Browsers send a form by Enter from a line of text, and not from a choice.
    event.preventDefault();
    return at.form.requestSubmit(at.form.querySelector(".btn.pri"));
  }
  if (event.key === "Enter" && at.matches("form[data-book] input")) {
    event.preventDefault();
    return at.form.requestSubmit(at.form.querySelector(".btn.pri"));
  }
  if (typing(at)) return;
  const inList = Boolean(at.closest("#desk-list"));
  if (!inList && !at.closest("#desk-panel")) return;
  if (inList && event.key.startsWith("Arrow")) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      step(by);
    }
    return;
  }
  if (event.key === "Enter") {
    if (at.matches("tr.line")) openPanel(at.querySelector("a.more").href);
    return;
  }
  if (event.key.length !== 1 || !areOn() || event.key === " ") return;
  const key = event.key.toLowerCase();
  const act = LETTERS[key] || (/^[a-z]$/.test(key) && (() => verb(key)));
  if (act) {
    event.preventDefault();
    act();
  }
});
