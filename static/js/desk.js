// The desk: one line for walk-ins, rows chosen by arrow keys, panels in the place of the rail, undo.
// Without this script every link and form of the page works as an ordinary one.

import { serverNow } from "./live.js";
import { tellParked } from "./desk/book.js";
import { send } from "./desk/commands.js";
import { weigh } from "./desk/effect.js";
import { startKeeping } from "./desk/keep.js";
import { openSheet } from "./desk/keys.js";
import { closePanel, freshen, openPanel, panel } from "./desk/panel.js";
import { choose, chosen, filter, rowOf, showOnly, toList } from "./desk/rows.js";

/* ---------- hands ---------- */

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-find-form]")) {
    event.preventDefault();
    return openPanel(`${form.action}?${new URLSearchParams(new FormData(form))}`, { keep: true });
  }
  if (!form.matches("[data-act]")) return;
  event.preventDefault();
  send(form, event.submitter);
});

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const target = event.target;
  const show = target.closest("[data-show]");
  if (show) return showOnly(show.dataset.show);
  if (target.closest("[data-keys-open]")) return openSheet();
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

panel.addEventListener("change", (event) => {
  // Another service, clinician or day has other free times.
  const look = event.target.form?.querySelector("[data-look]");
  if (look && ["service", "clinician", "day"].includes(event.target.name)) send(event.target.form, look);
});
panel.addEventListener("input", () => weigh(panel));
document.addEventListener("desk:sent", (event) => tellParked(event.detail.url));

/* ---------- rooms ---------- */

const BAR_MIN = 40; // the whole bar

function tellBars() {
  for (const bar of document.querySelectorAll("[data-bar]")) {
    const gone = (serverNow() - Date.parse(bar.dataset.bar)) / 60000;
    bar.style.setProperty("--gone", String(Math.round((gone / BAR_MIN) * 100)));
    bar.style.setProperty("--planned", String(Math.round((bar.dataset.planned / BAR_MIN) * 100)));
  }
  for (const one of document.querySelectorAll("[data-asks-at]")) one.hidden = serverNow() < Date.parse(one.dataset.asksAt);
}
setInterval(tellBars, 5000);

/* ---------- live ---------- */

document.addEventListener("queueapp:update", () => {
  const had = document.activeElement;
  filter();
  tellBars();
  choose(chosen());
  freshen();
  // A row that moved lost the focus on its way: it gets it back in its new place; one that has
  // gone leaves it to the list, in which the keys act.
  if (had === document.body && panel.hidden) {
    if (rowOf(chosen())) rowOf(chosen()).focus({ preventScroll: true });
    else toList();
  }
});

filter();
tellBars();
choose(panel.querySelector("[data-stay]")?.dataset.stay.match(/\d+$/)?.[0] || null);
weigh(panel);
if (panel.hidden && document.activeElement === document.body) toList();
startKeeping();
document.body.dataset.deskReady = "yes";
