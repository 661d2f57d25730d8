// The lobby's chime and clock. A call is heard once, however often its page is painted.
const zone = document.body.dataset.zone;
const heard = new Set();
let paintedUpTo = 0;
let sound = null;

function clock() {
  const element = document.querySelector("[data-clock]");
  const words = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
  if (element) element.textContent = words.format(new Date());
}

function elapsed() {
  for (const element of document.querySelectorAll("[data-elapsed]")) {
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(element.dataset.elapsed)) / 60000));
    if (element.textContent !== String(minutes)) element.textContent = String(minutes);
  }
}

// Two soft notes, a fourth apart, drawn here so that no sound file is needed.
function chime() {
  if (!sound || sound.state !== "running") return;
  [523.25, 698.46].forEach((pitch, n) => {
    const at = sound.currentTime + n * 0.35;
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.4, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 1.2);
    tone.connect(volume).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 1.3);
  });
}

function offerSound() {
  const button = document.querySelector("[data-sound]");
  sound = new AudioContext();
  const show = () => { if (button) button.hidden = sound.state === "running"; };
  sound.addEventListener("statechange", show);
  button?.addEventListener("click", () => sound.resume());
  show();
}

function hear(calls, { quietly = false } = {}) {
  const fresh = calls.filter((call) => !call.withdrawn && call.call > paintedUpTo && !heard.has(call.call));
  fresh.forEach((call) => heard.add(call.call));
  // Updates tell of older calls than the page paints: those are no news.
  if (quietly) paintedUpTo = Math.max(0, ...heard);
  if (fresh.length === 0 || quietly) return;
  document.querySelector(".now[data-call]")?.setAttribute("data-new", "");
  document.body.dataset.chimed = String(Number(document.body.dataset.chimed ?? 0) + 1);
  chime();
}

hear([...document.querySelectorAll("[data-call], .before li[id]")].map((e) => ({ call: Number(e.dataset.call ?? e.id.split("-")[1]) })), { quietly: true });
document.addEventListener("queueapp:update", (event) => {
  if (event.detail.channel.startsWith("lobby:") && event.detail.calls) hear(event.detail.calls);
  elapsed();
});
offerSound();
clock();
elapsed();
setInterval(() => { clock(); elapsed(); }, 1000);
