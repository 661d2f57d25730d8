// Single keys: each presses the button that carries it, while nothing else has the focus.

const OFF = "queueapp-room-keys-off";

export const keysAreOff = () => localStorage.getItem(OFF) === "yes";
export const keysOff = (off) => localStorage.setItem(OFF, off ? "yes" : "no");

/** A chosen outcome keeps the keys: they go on to choose, and Space goes on. */
function areFree() {
  const focused = document.activeElement;
  if (!focused || focused === document.body || focused === document.documentElement) return true;
  // A panel that was just closed keeps the focus until the next frame.
  return focused.matches('[name="resolution"], main, dialog, .facts, dialog:not([open]) *');
}

function chooseOutcome(form, nth) {
  const radio = form?.querySelectorAll('[name="resolution"]')[nth];
  if (!radio) return false;
  radio.checked = !radio.checked;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/** `isBusy()` while a panel is open; `primary()` the green button; `press(key)` what carries it. */
export function onKeys({ isBusy, primary, press, help, names }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === " " && event.target.matches('a[role="button"]')) {
      event.preventDefault();
      event.target.click();
      return;
    }
    if (isBusy() || keysAreOff() || !areFree()) return;
    const key = event.key.toLowerCase();
    if (key === " ") primary()?.click();
    else if (["1", "2", "3"].includes(key)) {
      if (!chooseOutcome(primary()?.form, Number(key) - 1)) return;
    } else if (key === "?") help();
    else if (key === "i") names();
    else if (/^[a-z]$/.test(key)) press(key);
    else return;
    event.preventDefault();
  });
}
