// The line for walk-ins: what is typed is shown as it is understood, before it is added.

import { complete } from "../forms.js";
import { weighLine } from "./effect.js";

export const line = document.getElementById("line");
export const addForm = document.getElementById("desk-add");
const effect = document.getElementById("line-effect");
const PREVIEW_AFTER_MS = 120;

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
  weighLine(addForm, effect, addForm.dataset.consequence, Boolean(read.told));
  problem("");
}

export function problem(words) {
  const said = document.getElementById("line-said");
  said.textContent = words;
  if (words) line.setAttribute("aria-invalid", "true");
  else line.removeAttribute("aria-invalid");
  addForm.classList.toggle("err", Boolean(words));
}

export function emptyLine() {
  line.value = "";
  chips({ chips: [] });
}

let previewTimer;
let asked = 0;
line.addEventListener("input", () => {
  clearTimeout(previewTimer);
  previewTimer = setTimeout(preview, PREVIEW_AFTER_MS);
});

/** The line is on its way: what was asked about it before does not matter any more. */
export function stopPreview() {
  clearTimeout(previewTimer);
  asked++;
}

async function preview() {
  const mine = ++asked;
  complete(addForm);
  const data = new FormData();
  data.set("line", line.value);
  data.set("csrf_token", addForm.elements.csrf_token.value);
  try {
    const answer = await fetch(addForm.dataset.preview, { method: "POST", body: data, headers: { "X-Panel": "1" } });
    if (answer.ok && mine === asked) chips(await answer.json());
  } catch {
    // The range is a help: adding works without it, and says itself when it cannot.
  }
}
