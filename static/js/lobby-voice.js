// How a call sounds: two soft notes, then a voice where the browser has one.
let sound = null;

/** Sound may only begin after a press; resolves once it has, or at once where it may already. */
export async function wakeSound() {
  sound ??= new AudioContext();
  if (sound.state !== "running") await sound.resume();
}

/** Whether the browser lets this page sound without a press (it was started before). */
export function soundsAlready() {
  sound ??= new AudioContext();
  return sound.state === "running";
}

// A fourth apart, drawn here so that no sound file is needed.
export function chime() {
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

// Local voices only: others send the words to a server elsewhere.
function voice() {
  const language = document.documentElement.lang || "en";
  const voices = (window.speechSynthesis?.getVoices() ?? []).filter((one) => one.localService);
  return voices.find((one) => one.lang.startsWith(language)) ?? null;
}

/** "B, 1 2": the letter, then digits one by one, as a code is said. */
export function spelled(ticket) {
  return `${ticket.replace(/\d/g, "")}, ${ticket.replace(/\D/g, "").split("").join(" ")}`;
}

export function words(call) {
  const again = call.number > 1 ? "Called again: " : "";
  const who = call.name ? `${call.name}, ticket ${spelled(call.ticket)}` : `Ticket ${spelled(call.ticket)}`;
  const room = call.room.replace(/^Room\s+/i, "room ");
  return `${again}${who}. Please go to ${room}.`;
}

/** Chime for calls that came together, then say each; without a voice the chime is all. */
export function announce(calls) {
  chime();
  const speaker = voice();
  document.body.dataset.voice = speaker ? "yes" : "no";
  if (!speaker) return;
  for (const call of calls) {
    const said = new SpeechSynthesisUtterance(words(call));
    said.voice = speaker;
    said.lang = speaker.lang;
    said.rate = 0.9;
    // Behind the chime; the browser queues one after the other.
    setTimeout(() => speechSynthesis.speak(said), 1200);
  }
}
