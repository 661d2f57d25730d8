// Sends commands. Forms of live fragments carry no CSRF token and no key, as their bytes are the
// same for all: both are added here. <form data-command method="post"> is sent without leaving the
// page; what the server refuses is said beside the field it names.
import { _ } from "./words.js";

const token = () => document.querySelector('meta[name="csrf-token"]').content;

/** A fresh idempotency key. */
export function newKey() {
  return crypto.randomUUID
    ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

function hidden(form, name, make) {
  let input = form.elements.namedItem(name);
  if (!input) {
    input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    form.append(input);
  }
  if (!input.value) input.value = make();
  return input;
}

/** Give a form its CSRF token and its idempotency key, where it has none yet. */
export function complete(form) {
  hidden(form, "csrf_token", token);
  return hidden(form, "idempotency_key", newKey);
}

function forgetProblems(form) {
  for (const words of form.querySelectorAll("[data-said]")) words.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

function say(form, words, field) {
  const message = document.createElement("p");
  message.className = "msg";
  message.setAttribute("role", "alert");
  message.dataset.said = "";
  message.textContent = words;
  const input = field && form.querySelector(`[name="${CSS.escape(field)}"]`);
  if (input && input.type !== "hidden") {
    input.setAttribute("aria-invalid", "true");
    input.insertAdjacentElement("afterend", message);
    input.focus();
    return;
  }
  const place = form.querySelector("[data-problem]") || form.closest("[data-problems]") || form;
  place.append(message);
}

/** Say in or near the form what went wrong; `problem` is an RFC 9457 document. */
export function showProblem(form, problem) {
  const fields = problem.errors || [];
  if (!fields.length) say(form, problem.detail || problem.title);
  for (const one of fields) say(form, one.message, one.field);
}

/**
 * Post a form without leaving the page. Resolves to the answer's JSON (or {}) when it was carried
 * out, and to null when it was refused or could not be sent, which is then said in the form.
 * A press that could not be sent keeps its key, so that pressing again has one effect.
 */
export async function send(form, submitter) {
  const key = complete(form);
  forgetProblems(form);
  const buttons = [...form.querySelectorAll("button")].filter((button) => !button.disabled);
  const data = new FormData(form, submitter);
  buttons.forEach((button) => (button.disabled = true));
  try {
    const answer = await fetch(submitter?.getAttribute("formaction") || form.action, {
      method: "POST",
      body: data,
      headers: { Accept: "application/json, application/problem+json" },
    });
    if (answer.status < 500) key.value = newKey();
    return await take(form, answer);
  } catch {
    say(form, _("This could not be sent. Nothing is lost: press again when the page is live."));
    return null;
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

async function take(form, answer) {
  if (answer.redirected) {
    location.assign(answer.url);
    return {};
  }
  const isJson = (answer.headers.get("Content-Type") || "").includes("json");
  const said = isJson ? await answer.json() : {};
  if (answer.ok) {
    if (said.redirect) location.assign(said.redirect);
    return said;
  }
  if (answer.status === 401) location.reload();
  showProblem(form, said.detail ? said : { detail: _("This could not be done (%(status)s).", { status: answer.status }) });
  return null;
}

document.addEventListener(
  "submit",
  (event) => {
    if (event.target.method === "post") complete(event.target);
  },
  true,
);

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-command]") || event.defaultPrevented) return;
  event.preventDefault();
  const done = await send(form, event.submitter);
  if (done) {
    form.dispatchEvent(new CustomEvent("queueapp:done", { bubbles: true, detail: done }));
    if ("reset" in form.dataset) form.reset();
  }
});

// The link of a ticket opens at once where scripts run; elsewhere its button does it.
document.querySelector("form[data-submit-at-once]")?.requestSubmit();
