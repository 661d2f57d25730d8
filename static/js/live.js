// Keeps a page true to the database: hears its channels, repaints what changed, and says when it
// has not heard for a while. Commands go by HTTP POST (forms.js); nothing is ever sent from here.
//
// <body data-channels="desk:demo" data-seq="41" data-zone="Europe/London">
// <div data-live="desk:demo">…</div>   its HTML is the channel's
// Events on document: "queueapp:update" (detail: the message), "queueapp:live" (detail: {live}).
import { _, locale } from "./words.js";

const NOT_LIVE_AFTER_MS = 6000;
const RELOAD_AT_MOST_EVERY_MS = 60000;
const COMMANDS = "[data-command], [data-act], [data-needs-live]";

const body = document.body;
const channels = (body.dataset.channels || "").split(" ").filter(Boolean);
const seqs = new Map(channels.map((name) => [name, Number(body.dataset.seq || -1)]));
const painted = new Map();
let heardAt = performance.now();
let heardOn = Date.now();
let clockOffset = 0;
let isLive = true;
let everHeard = false;

/** The server's clock, as milliseconds since the epoch. */
export function serverNow() {
  return Date.now() + clockOffset;
}

/** The seq that the page's content of a channel is true as of. */
export function seqOf(channel) {
  return seqs.get(channel);
}

function heard(at) {
  heardAt = performance.now();
  heardOn = Date.now();
  const first = !everHeard;
  everHeard = true;
  if (at) clockOffset = Date.parse(at) - heardOn;
  if (first || !isLive) setLive(true);
}

function silence() {
  // The larger of both clocks: one may stand still while the machine sleeps, the other be set back.
  return Math.max(performance.now() - heardAt, Date.now() - heardOn);
}

function onUpdate(message) {
  heard(message.sent_at);
  const had = seqs.get(message.channel);
  if (had === undefined || message.seq < had) return;
  seqs.set(message.channel, message.seq);
  const html = message.languages?.[document.documentElement.lang] ?? message.html;
  if (html !== undefined && painted.get(message.channel) !== html) {
    painted.set(message.channel, html);
    for (const place of document.querySelectorAll(`[data-live="${CSS.escape(message.channel)}"]`)) {
      repaint(place, html);
    }
    tellTimes();
  }
  document.dispatchEvent(new CustomEvent("queueapp:update", { detail: message }));
}

function repaint(place, html) {
  Idiomorph.morph(place, html, {
    morphStyle: "innerHTML",
    // For what is being typed only: a pressed button has the focus too, and its words must change.
    ignoreActiveValue: Boolean(document.activeElement?.matches("input, select, textarea")),
    callbacks: {
      // What a person has opened or filled in stays so; what the server says moves on around it.
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.localName === "details"),
      // So does what a script fills in, unless another kind of thing takes its place.
      beforeNodeMorphed: (old, next) =>
        !(old.nodeType === 1 && old.hasAttribute("data-keep") && old.dataset.keep === next.dataset.keep),
    },
  });
}

function setLive(live) {
  isLive = live;
  body.dataset.live = live ? "yes" : "no";
  for (const element of document.querySelectorAll(".live")) element.dataset.live = body.dataset.live;
  for (const top of document.querySelectorAll("[data-top]")) top.classList.toggle("top--lost", !live);
  for (const main of document.querySelectorAll("main")) main.classList.toggle("stale", !live);
  for (const form of document.querySelectorAll(COMMANDS)) {
    const buttons = form.matches("button, a, input") ? [form] : form.querySelectorAll("button");
    for (const button of buttons) {
      if (!live && !button.disabled) {
        button.disabled = true;
        button.dataset.offByLive = "";
      } else if (live && "offByLive" in button.dataset) {
        button.disabled = false;
        delete button.dataset.offByLive;
      }
    }
  }
  sayLive();
  document.dispatchEvent(new CustomEvent("queueapp:live", { detail: { live } }));
}

function sayLive() {
  for (const words of document.querySelectorAll("[data-live-words]")) {
    const state = isLive ? (everHeard ? _("Live") : _("Connecting")) : _("Not live");
    if (words.dataset.state !== state) {
      words.dataset.state = state;
      const strong = document.createElement("b");
      strong.textContent = state;
      // Read out once when it changes, not every second.
      const rest = document.createElement("span");
      rest.setAttribute("aria-hidden", "true");
      words.replaceChildren(strong, rest);
    }
    words.lastElementChild.textContent = everHeard || !isLive ? ` · ${howLongAgo()}` : "";
  }
}

function howLongAgo() {
  const seconds = Math.round(silence() / 1000);
  if (isLive) return seconds < 2 ? _("updated just now") : _("updated %(seconds)s s ago", { seconds });
  return everHeard ? _("last heard %(time)s", { time: clock(serverNow() - silence()) }) : _("nothing heard yet");
}

function zoned(options) {
  return new Intl.DateTimeFormat(locale(), { timeZone: body.dataset.zone || undefined, ...options });
}

function clock(milliseconds) {
  return zoned({ timeStyle: "short" }).format(milliseconds);
}

/** "5 min ago", "in 5 min", "2 min late": how an instant stands to now. */
export function inWords(milliseconds, kind, plain) {
  const ago = kind === "since" ? serverNow() - milliseconds : milliseconds - serverNow();
  const span = spanWords(Math.abs(ago));
  if (kind === "since") return plain ? span : ago < 10000 ? "just now" : `${span} ago`;
  if (plain) return span;
  return ago >= 0 ? `in ${span}` : ago > -60000 ? "now" : `${span} late`;
}

function spanWords(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function tellTimes() {
  for (const kind of ["since", "until"]) {
    for (const element of document.querySelectorAll(`[data-${kind}]`)) {
      const words = inWords(Date.parse(element.dataset[kind]), kind, "plain" in element.dataset);
      if (element.textContent !== words) element.textContent = words;
    }
  }
  const now = serverNow();
  for (const element of document.querySelectorAll("[data-clock]")) {
    if (element.textContent !== clock(now)) element.textContent = clock(now);
  }
}

function eachSecond() {
  tellTimes();
  if (!channels.length) return;
  const live = silence() < NOT_LIVE_AFTER_MS;
  if (live !== isLive) setLive(live);
  else sayLive();
}

function reloadOnce() {
  const last = Number(sessionStorage.getItem("queueapp-reloaded") || 0);
  if (Date.now() - last < RELOAD_AT_MOST_EVERY_MS) return false;
  sessionStorage.setItem("queueapp-reloaded", String(Date.now()));
  location.reload();
  return true;
}

function connect() {
  const socket = io({
    transports: ["websocket"],
    auth: { want: channels },
    reconnectionDelay: 300,
    reconnectionDelayMax: 650,
    randomizationFactor: 0.5,
    timeout: 4000,
  });
  const again = () => setTimeout(() => socket.connect(), 300 + Math.random() * 650);
  socket.on("update", onUpdate);
  socket.on("heartbeat", (beat) => heard(beat.at));
  socket.on("connect_error", () => {
    // Turned away by the server itself: the login has ended, so the page says so after a reload.
    if (!socket.active && !reloadOnce()) setTimeout(() => socket.connect(), 5000);
  });
  socket.on("disconnect", (reason) => {
    if (reason === "io server disconnect") again();
  });
  addEventListener("online", () => socket.connected || socket.connect());
  document.addEventListener("visibilitychange", eachSecond);
}

if (channels.length) connect();
eachSecond();
setInterval(eachSecond, 1000);
