// An open day sheet says how old it is, and fetches itself anew every minute while it can.

import { clinicNow, heardFrom } from "./clock.js";

const EVERY_MS = 60000;
const OLD_AFTER_MIN = 5;
const body = document.body;

function tellAge() {
  const age = document.getElementById("sheet-age");
  const minutes = Math.floor((clinicNow() - Date.parse(body.dataset.made)) / 60000);
  const words = minutes < 1 ? "up to date" : `${minutes} min old`;
  if (age.textContent !== words) age.textContent = words;
  age.classList.toggle("old", minutes >= OLD_AFTER_MIN);
}

function hands() {
  document.getElementById("sheet-print").addEventListener("click", () => print());
}

async function renew() {
  try {
    const answer = await fetch(body.dataset.sheet);
    if (answer.redirected || answer.status === 401 || answer.status === 403) return location.reload();
    if (!answer.ok) return;
    heardFrom(answer);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    body.dataset.made = fresh.body.dataset.made;
    for (const part of ["main", ".made"]) {
      document.querySelector(part).replaceWith(fresh.querySelector(part));
    }
    document.title = fresh.title;
  } catch {
    // The server is gone; the age says so.
  }
  tellAge();
}

hands();
tellAge();
setInterval(tellAge, 5000);
setInterval(renew, EVERY_MS);
