// Booking by phone, where scripts run: what is chosen is said in the bar, Enter goes on to the next
// field, a date of birth is spaced as it is typed, a kept time says when it runs out.
import { serverNow } from "./live.js";

const bar = document.querySelector("[data-chosen]");

function sayChosen() {
  const chosen = document.querySelector('input[name="time"]:checked');
  if (!bar || !chosen) return;
  bar.querySelector("b").textContent = chosen.dataset.words;
  bar.querySelector("span").textContent = chosen.dataset.with;
  bar.hidden = false;
}

document.addEventListener("change", sayChosen);
sayChosen();
document.querySelector('.day[aria-current="date"]')?.scrollIntoView({ block: "nearest", inline: "center" });
document.querySelector('.msg--sum[tabindex="-1"]')?.focus();

/* ---------- for whom ---------- */
const form = document.getElementById("details");
form?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
  const fields = [...form.querySelectorAll("input.in")];
  const next = fields[fields.indexOf(event.target) + 1];
  if (!next || next.value) return;
  event.preventDefault();
  next.focus();
});

const birth = document.querySelector("[data-birth]");
birth?.addEventListener("input", () => {
  // Only what number keys give: whoever types dots or slashes is left alone.
  if (!/^[\d ]*$/.test(birth.value) || birth.selectionStart !== birth.value.length) return;
  const digits = birth.value.replaceAll(" ", "").slice(0, 8);
  birth.value = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].filter(Boolean).join(" ");
});

/* ---------- how long the time is kept ---------- */
const kept = document.querySelector("[data-kept-until]");
const SOON_S = 60;

function sayKept() {
  const left = Math.round((Date.parse(kept.dataset.keptUntil) - serverNow()) / 1000);
  const place = kept.closest(".kept-until");
  place.toggleAttribute("data-soon", left <= SOON_S);
  if (left > SOON_S) kept.textContent = `(${Math.ceil(left / 60)} min)`;
  else if (left > 0) kept.textContent = "(less than a minute)";
  else kept.textContent = "(over: send the form and we take it again, if it is free)";
}

if (kept) {
  sayKept();
  setInterval(sayKept, 5000);
}

/* ---------- the link ---------- */
const share = document.querySelector("[data-share]");
if (share && (navigator.share || navigator.clipboard)) {
  const words = share.querySelector("[data-share-words]");
  share.hidden = false;
  if (navigator.share) words.textContent = "Share";
  share.addEventListener("click", async () => {
    if (navigator.share) {
      await navigator.share({ url: share.dataset.share }).catch(() => {});
      return;
    }
    await navigator.clipboard.writeText(share.dataset.share);
    words.textContent = "Copied";
  });
}
