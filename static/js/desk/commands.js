// Sends what is pressed, without leaving the page, and shows what came of it.

import { complete, newKey, showProblem } from "../forms.js";
import { addForm, emptyLine, problem, stopPreview } from "./line.js";
import { closePanel, openPanel, PANEL, panel, setPanel } from "./panel.js";
import { choose } from "./rows.js";
import { say, toast } from "./say.js";

export async function send(form, submitter) {
  stopPreview();
  const key = complete(form);
  const inPanel = panel.contains(form);
  for (const words of form.querySelectorAll("[data-said]")) words.remove();
  const url = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
  try {
    const answer = await fetch(url, {
      method: "POST",
      body: new FormData(form, submitter),
      headers: { ...PANEL, Accept: "application/json, text/html;q=0.5" },
    });
    if (answer.status < 500) key.value = newKey();
    const kind = answer.headers.get("Content-Type") || "";
    if (kind.includes("text/html")) {
      if (answer.status === 401 || answer.redirected) return location.reload();
      if (inPanel) setPanel(await answer.text());
      else location.reload();
    } else if (answer.ok) {
      done(form, await answer.json(), inPanel);
      document.dispatchEvent(new CustomEvent("desk:sent", { detail: { url } }));
    } else if (form === addForm) {
      problem((await answer.json()).detail);
    } else {
      refused(form, await answer.json());
    }
  } catch {
    // Its key stays, so that pressing again has one effect.
    say("This could not be sent. Nothing is lost: press again when the page is live.", "refused");
  }
}

function done(form, answer, inPanel) {
  say(answer.said, "done", answer.name);
  toast(answer.toast);
  if (form === addForm) {
    emptyLine();
    choose(String(answer.entry));
    return;
  }
  if (answer.then) openPanel(answer.then, { keep: true });
  else if (inPanel) closePanel();
}

function refused(form, answer) {
  if (panel.contains(form)) showProblem(form, answer);
  else say(answer.detail, "refused");
}
