// Consequence before commit: the form as it stands is rehearsed on the server, and who gains and
// who loses is said above its button. A help: what it says never stands in the way.

import { complete } from "../forms.js";

const AFTER_MS = 350;
let timer;
let asked = 0;

/** Ask what the form of the opened verb would do, now that it is shown or has changed. */
export function weigh(panel) {
  const place = panel.querySelector("[data-effect]");
  clearTimeout(timer);
  asked++;
  if (place) timer = setTimeout(() => tell(place.closest("form"), place, place.dataset.effect), AFTER_MS);
}

/** The same for what is typed into a line; `place` is emptied where there is nothing to say. */
export function weighLine(form, place, url, isWhole) {
  clearTimeout(timer);
  asked++;
  if (!isWhole) return place.replaceChildren();
  timer = setTimeout(() => tell(form, place, url), AFTER_MS);
}

async function tell(form, place, url) {
  const mine = ++asked;
  complete(form);
  try {
    const answer = await fetch(url, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json", "X-Panel": "1" },
    });
    if (!answer.ok || mine !== asked) return;
    const told = await answer.json();
    place.textContent = told.said || told.refused;
    place.classList.toggle("bad", Boolean(told.refused || told.missing));
  } catch {
    // The act itself will say what is wrong.
  }
}
