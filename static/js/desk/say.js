// What was done or refused, said in the foot; what was done last can be taken back from there.

const SAID_FOR_MS = 8000;

/** Put words into a place; the name in them is hidden with all names. */
function write(place, words, name) {
  const at = name ? words.indexOf(name) : -1;
  if (at < 0) return place.replaceChildren(words);
  const shown = document.createElement("span");
  shown.className = "pn";
  shown.textContent = name;
  place.replaceChildren(words.slice(0, at), shown, words.slice(at + name.length));
}

let saidTimer;
export function say(words, kind, name = "") {
  let place = document.getElementById("desk-said");
  if (!place) {
    place = document.createElement("p");
    place.id = "desk-said";
    document.querySelector(".foot").prepend(place);
  }
  place.className = `said said--${kind}`;
  place.setAttribute("role", kind === "refused" ? "alert" : "status");
  write(place, words, name);
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => place.remove(), kind === "refused" ? 3 * SAID_FOR_MS : SAID_FOR_MS);
}

let toastTimer;
export function toast(what) {
  const form = document.querySelector("[data-undo]");
  clearTimeout(toastTimer);
  form.hidden = !what;
  if (!what) return;
  form.elements.event.value = what.event;
  write(form.querySelector("[data-words]"), `${what.words}.`, what.name);
  const ring = form.querySelector(".ring");
  ring.style.setProperty("--left", `${what.left_s}s`);
  ring.style.setProperty("--of", `${what.of_s}s`);
  const run = ring.querySelector(".run");
  run.replaceWith(run.cloneNode()); // starts the ring anew
  toastTimer = setTimeout(() => (form.hidden = true), what.left_s * 1000);
}

/** Take back what was done last, if that can still be. */
export function undo() {
  const form = document.querySelector("[data-undo]");
  if (!form.hidden) form.requestSubmit();
}

// A message that came with the page is read, then makes room.
const flash = document.querySelector("body > .msg");
if (flash) setTimeout(() => flash.remove(), SAID_FOR_MS);
