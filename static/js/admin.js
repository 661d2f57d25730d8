// Long forms: unsaved changes are said and not lost by a slip, rows are added, Ctrl S saves,
// what is shown once can be copied, and the error summary takes the focus.

const summary = document.querySelector(".nhsuk-error-summary");
summary?.focus();
summary?.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  field.focus();
});

for (const form of document.querySelectorAll("[data-unsaved-form]")) {
  const sign = form.querySelector("[data-unsaved]");
  const state = () =>
    JSON.stringify([...new FormData(form)].filter(([name]) => !/csrf_token|idempotency_key|version/.test(name)));
  const opened = summary ? "" : state();
  let leaving = false;
  const changed = () => state() !== opened;
  const show = () => sign && (sign.hidden = !changed());
  form.addEventListener("input", show);
  form.addEventListener("submit", () => (leaving = true));
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && changed()) event.preventDefault();
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== form) leaving = true;
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  show();
}

/** A copy of the table's last blank row with the next number in its names and ids. */
function addRow(name) {
  const body = document.querySelector(`[data-rows="${name}"] tbody`);
  const last = body?.querySelector("tr:last-child");
  if (!last) return;
  const used = last.querySelector(`[name^="${name}-"]`).name.match(/-(\d+)-/)[1];
  const row = last.cloneNode(true);
  for (const part of row.querySelectorAll("[name], [id], [for], [aria-describedby]")) {
    for (const attribute of ["name", "id", "for", "aria-describedby"]) {
      const value = part.getAttribute(attribute);
      if (value) part.setAttribute(attribute, value.replace(`${name}-${used}-`, `${name}-${Number(used) + 1}-`));
    }
    if (part.matches("input:not([type=hidden])")) part.value = "";
  }
  body.append(row);
  row.querySelector("input:not([type=hidden]), select")?.focus();
}

for (const button of document.querySelectorAll("[data-add-row]")) {
  button.hidden = false;
  button.addEventListener("click", () => addRow(button.dataset.addRow));
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("[data-copy-text]").textContent);
    button.textContent = "Copied";
  });
}

// The browser knows where it stands; whoever sets the clinic up may correct it.
const zone = document.querySelector("[data-zone-of-browser]");
if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
