// The list: which row is chosen, by arrow keys or a click, and which rows are shown.

let selected = null; // the entry whose row is chosen
let shown = ""; // the service that is shown alone

const list = () => document.getElementById("desk-list");
export const rowOf = (entry) => document.getElementById(`row-${entry}`);
export const chosen = () => selected;

const visible = () => [...document.querySelectorAll("tr.line:not([hidden])")];

export function choose(entry, { focus = false } = {}) {
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
  // The list is reached by Tab even before a row was chosen, and even when nobody waits.
  const first = visible()[0];
  if (!rowOf(entry) && first) first.tabIndex = 0;
  list().tabIndex = first ? -1 : 0;
}

export function step(by) {
  const all = visible();
  if (!all.length) return list().focus();
  const at = all.findIndex((row) => row.dataset.entry === selected);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  choose(all[next].dataset.entry, { focus: true });
}

/** Give the list the focus, in which single keys act: the chosen row, or the list itself. */
export function toList() {
  const row = selected && rowOf(selected);
  if (row && !row.hidden) choose(selected, { focus: true });
  else list().focus({ preventScroll: true });
}

export function showOnly(service) {
  shown = service;
  filter();
}

export function filter() {
  const services = [...document.querySelectorAll("[data-show]")];
  if (!services.some((button) => button.dataset.show === shown)) shown = "";
  for (const button of services) button.setAttribute("aria-pressed", String(button.dataset.show === shown));
  for (const row of document.querySelectorAll("tr.line")) {
    row.hidden = shown !== "" && row.dataset.service !== shown;
  }
}
