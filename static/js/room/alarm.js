// An emergency in the waiting room is heard once in every room, and stands in the window's title.

const heard = new Set();
const plain = document.title;
let sound = null;

// Browsers let a page sound only after it was touched; a room's tablet is touched all day.
function wake() {
  sound ??= new AudioContext();
  if (sound.state === "suspended") sound.resume();
}

function ring() {
  if (!sound || sound.state !== "running") return;
  for (let n = 0; n < 3; n += 1) {
    const at = sound.currentTime + n * 0.45;
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    tone.type = "triangle";
    tone.frequency.value = 880;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.5, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
    tone.connect(volume).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.4);
  }
}

export function hearAlarms() {
  const alarms = [...document.querySelectorAll("[data-alarm]")];
  const fresh = alarms.filter((one) => !heard.has(one.dataset.alarm));
  fresh.forEach((one) => heard.add(one.dataset.alarm));
  document.title = alarms.length ? `EMERGENCY · ${plain}` : plain;
  if (!fresh.length) return;
  document.body.dataset.rang = String(Number(document.body.dataset.rang ?? 0) + 1);
  ring();
}

for (const touched of ["pointerdown", "keydown"]) document.addEventListener(touched, wake);
