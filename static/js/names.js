// Names hidden by one key, for whoever looks over a shoulder: tickets stand in their place.
// Kept by the device in a cookie, so that no name is painted before this script runs.

const COOKIE = "names=hidden";

export const namesHidden = () => document.body.dataset.names === "hidden";

function show() {
  for (const button of document.querySelectorAll("[data-names-key]")) {
    button.setAttribute("aria-pressed", String(namesHidden()));
  }
}

export function toggleNames() {
  const hide = !namesHidden();
  if (hide) document.body.dataset.names = "hidden";
  else delete document.body.dataset.names;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${COOKIE}; path=/; SameSite=Strict; max-age=${hide ? 31536000 : 0}${secure}`;
  show();
  return hide;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-names-key]")) toggleNames();
});
document.addEventListener("queueapp:update", show);
show();
