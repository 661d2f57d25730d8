// The patient's phone: fills in place, range and stops from the site's line, which is the same for
// all phones; rings and shakes when it is called. The words are those of the first paint (mine.py).
import { serverNow } from "./live.js";
import { _, locale, ngettext } from "./words.js";

const MOST_STOPS = 6;
const STEP_S = 300;
const NEAR_S = 20 * 60;
const inside = (state) => (state === "called" ? _("called") : _("inside"));
const RELOAD_AT_MOST_EVERY_MS = 5000;

const main = document.querySelector("main[data-key]");
const clinic = main?.dataset.clinic;
let rows = null;
let stage = main?.querySelector("[data-stage]")?.dataset.stage;
let rung = "";
let ringing = null;
let audio = null;
let loadedAt = performance.now();

const clockAt = (seconds) =>
  new Intl.DateTimeFormat(locale(), {
    timeZone: document.body.dataset.zone || undefined,
    timeStyle: "short",
  }).format(seconds * 1000);

/* ---------- the line ---------- */
const step = (seconds) => (seconds <= 600 ? 1 : seconds <= 1200 ? 2 : 5);

/** Whole minutes that contain the range: as waits.promise.spoken_range says them. */
export function spokenRange(lowS, highS) {
  const [lowStep, highStep] = [step(lowS), step(highS)];
  const low = Math.floor(lowS / (60 * lowStep)) * lowStep;
  let high = Math.ceil(highS / (60 * highStep)) * highStep;
  if (high <= 5) return [0, 5];
  if (high === low) high += step(high * 60 + 1);
  return [low, high];
}

function clockRange(low, high, now) {
  low = Math.max(low, Math.floor(now / 60) * 60);
  high = Math.max(high, low + 60);
  if (high - now > NEAR_S) {
    low = Math.floor(low / STEP_S) * STEP_S;
    high = Math.ceil(high / STEP_S) * STEP_S;
  }
  return [clockAt(low), clockAt(high)];
}

function stopsOf(mine) {
  const me = { code: main.dataset.ticket, word: _("you"), kind: "me" };
  let seen = rows
    .filter((row) => row.place === null && row.ticket && row.key !== mine.key)
    .map((row) => ({ code: row.ticket, word: inside(row.state), kind: "in" }));
  const ahead = rows.filter((row) => row.place !== null && row.place < mine.place);
  const room = MOST_STOPS - 1;
  if (mine.before !== ahead.length || ahead.some((row) => row.ticket === null)) {
    const more = mine.before ? [{ code: `+${mine.before}`, word: _("before you"), kind: "more" }] : [];
    return [...seen.slice(0, room - more.length).slice(0, 3), ...more, me];
  }
  let waiting = ahead.map((row, n) => ({ code: row.ticket, word: n ? _("waiting") : _("next"), kind: "" }));
  seen = seen.slice(0, Math.max(2, room - waiting.length));
  const left = room - seen.length;
  if (waiting.length > left) {
    const folded = { code: `+${waiting.length - left + 1}`, word: _("more"), kind: "more" };
    waiting = [...waiting.slice(0, left - 2), folded, waiting.at(-1)];
  }
  return [...seen, ...waiting, me];
}

const part = (name) => main.querySelector(`[data-line="${name}"]`);

function put(element, ...parts) {
  if (!element) return;
  const next = document.createElement("div");
  next.append(...parts);
  if (element.innerHTML !== next.innerHTML) element.replaceChildren(...next.childNodes);
}

function made(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

/** A sentence whose <b> stand out; nothing else in it is markup. */
function rich(sentence, className = "") {
  return sentence.split(/<\/?b>/).map((words, n) => (n % 2 ? made("b", words, className) : words)).filter((p) => p !== "");
}

// The visit's own channel paints these places empty: until the line has told where I stand, what
// was said last stays, so that the range is never gone for a moment.
const FILLED = ["before", "range", "between", "sure", "stops"];
const said = new Map();

function remember() {
  for (const name of FILLED) {
    if (part(name)?.textContent.trim()) said.set(name, [...part(name).cloneNode(true).childNodes]);
  }
}

function sayAgain() {
  for (const name of FILLED) {
    const place = part(name);
    if (!place || place.textContent.trim() || !said.has(name)) continue;
    place.replaceChildren(...said.get(name).map((node) => node.cloneNode(true)));
    if (name === "stops") {
      place.style.setProperty("--n", place.childElementCount);
      part("line").hidden = place.childElementCount < 2;
    }
  }
}

function fill() {
  const mine = rows?.find((row) => row.key === main.dataset.key);
  if (!part("range")) return title();
  if (!mine || mine.place === null) {
    sayAgain();
    return title();
  }
  put(
    part("before"),
    ...(mine.before
      ? rich(ngettext("<b>%(num)s person</b> before you", "<b>%(num)s people</b> before you", mine.before))
      : [made("b", _("You are next"))]),
  );
  const now = serverNow() / 1000;
  if (mine.low === null || mine.high === null) {
    put(part("range"));
    put(part("between"), _("We cannot say how long yet. The desk can tell you more."));
  } else {
    const [low, high] = spokenRange(Math.max(mine.low - now, 0), Math.max(mine.high - now, 0));
    put(part("range"), made("bdi", `${low}–${high}`), made("small", _("min")));
    const [from, to] = clockRange(mine.low, mine.high, now);
    const ends = { low: `<b>${from}</b>`, high: `<b>${to}</b>` };
    put(part("between"), ...rich(_("That is between %(low)s and %(high)s.", ends), "num"));
  }
  part("reach").hidden = !mine.not_reached;
  const share = new Intl.NumberFormat(locale(), { style: "percent" }).format((mine.not_reached ?? 0) / 100);
  put(part("chance"), mine.not_reached ? _("We may not reach you today. The chance of that is about %(share)s.", { share }) : "");
  const { sure } = main.querySelector("[data-stage]").dataset;
  put(part("sure"), sure ? `${sure}.` : "");
  fillStops(stopsOf(mine));
  remember();
  title();
}

function fillStops(stops) {
  const list = part("stops");
  list.style.setProperty("--n", stops.length);
  put(
    list,
    ...stops.map((stop) => {
      const item = made("li", "", stop.kind ? `stop stop--${stop.kind}` : "stop");
      if (stop.kind === "me") item.setAttribute("aria-current", "step");
      item.append(made("b", stop.code), stop.word);
      return item;
    }),
  );
  part("line").hidden = stops.length < 2;
}

/* ---------- my turn ---------- */
function title() {
  const place = main.querySelector("[data-stage]");
  const range = part("range")?.textContent.replace(_("min"), ` ${_("min")}`);
  const ticket = main.dataset.ticket;
  if (place.dataset.ring) document.title = `● ${_("Your turn: %(room)s", place.dataset)} · ${place.dataset.code}`;
  else document.title = [ticket, range, clinic].filter(Boolean).join(" · ");
}

function chime() {
  if (audio?.state !== "running") return;
  [660, 880, 660, 880].forEach((pitch, n) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const from = audio.currentTime + n * 0.35;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, from);
    volume.gain.exponentialRampToValueAtTime(0.4, from + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0001, from + 0.33);
    tone.connect(volume).connect(audio.destination);
    tone.start(from);
    tone.stop(from + 0.35);
  });
}

// Until somebody touches the phone: it may lie in a pocket.
const RING_EVERY_MS = 6000;
const RINGS = 10;

function ring() {
  hush();
  scrollTo(0, 0);
  let left = RINGS;
  const once = () => {
    navigator.vibrate?.([500, 200, 500, 200, 500]);
    chime();
    if (--left <= 0) hush();
  };
  ringing = setInterval(once, RING_EVERY_MS);
  once();
}

function hush() {
  clearInterval(ringing);
  ringing = null;
}

// Browsers let a page sound only once it was touched; any touch will do.
function wakeAudio() {
  hush();
  audio ??= "AudioContext" in window ? new AudioContext() : null;
  audio?.resume?.().then(offerSound);
}

function offerSound() {
  const offer = main.querySelector("[data-sound]");
  const isWaiting = ["waiting", "on_the_way", "out", "missed"].includes(stage);
  if (offer) offer.hidden = !isWaiting || audio?.state === "running" || !("AudioContext" in window);
}

// A screen that sleeps hears nothing more of us; where that is refused, it sleeps as before.
function stayAwake() {
  navigator.wakeLock?.request("screen").catch(() => {});
}

function staged() {
  const place = main.querySelector("[data-stage]");
  const calls = place?.dataset.ring || "";
  document.body.classList.toggle("is-called", Boolean(calls));
  const known = rung.split(" ");
  if (calls && calls.split(" ").some((call) => !known.includes(call))) ring();
  if (!calls) hush();
  rung = calls;
  stage = place?.dataset.stage;
  offerSound();
}

/* ---------- times on the page ---------- */
function tick() {
  const now = serverNow();
  for (const words of document.querySelectorAll("[data-past]")) {
    words.hidden = Date.parse(words.dataset.past) > now;
  }
  for (const words of document.querySelectorAll("[data-back-by]")) {
    const from = Math.max(now, Date.parse(words.dataset.from) || 0);
    const text = words.dataset.word.replace("%(time)s", clockAt(from / 1000 + words.dataset.backBy * 60));
    if (words.textContent !== text) words.textContent = text;
  }
  fill();
}

// The two channels may part for a moment; when they stay apart, the page is fetched anew.
function compare() {
  const mine = rows?.find((row) => row.key === main.dataset.key);
  const isCalled = mine?.state === "called";
  if (!mine || isCalled === (stage === "called")) return;
  if (performance.now() - loadedAt > RELOAD_AT_MOST_EVERY_MS) location.reload();
}

if (main) {
  document.addEventListener("queueapp:update", (event) => {
    const { channel, columns, rows: values, language } = event.detail;
    // The words of the page around are painted once: another language begins anew.
    if (language && language !== document.documentElement.lang) return location.reload();
    if (channel.startsWith("line:")) {
      rows = values.map((row) => Object.fromEntries(columns.map((name, n) => [name, row[n]])));
    }
    staged();
    tick();
    setTimeout(compare, 1500);
  });
  document.addEventListener("pointerdown", wakeAudio, { passive: true });
  document.addEventListener("keydown", wakeAudio, { passive: true });
  main.querySelector("[data-sound]")?.addEventListener("click", () => {
    stayAwake();
    audio?.resume?.().then(chime);
  });
  document.addEventListener("visibilitychange", () => document.hidden || !audio || stayAwake());
  document.addEventListener("queueapp:done", (event) => {
    const words = event.target.dataset.saidWords;
    if (words) event.target.querySelector("[data-problem]").replaceChildren(made("p", words, "fold__in"));
  });
  remember();
  staged();
  title();
  tick();
  setInterval(tick, 5000);
}

/* ---------- joining ---------- */
function offerWho() {
  const service = document.querySelector('input[name="what"]:checked')?.value.split(":")[0];
  for (const place of document.querySelectorAll("[data-gives]")) {
    place.hidden = Boolean(service) && !place.dataset.gives.split(" ").includes(service);
    if (place.hidden && place.querySelector("input").checked) document.getElementById("who-anyone").checked = true;
  }
}

if (document.getElementById("join")) {
  document.addEventListener("change", offerWho);
  offerWho();
  document.querySelector(".msg--sum")?.focus();
}
