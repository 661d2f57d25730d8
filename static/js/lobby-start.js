// "Start display": one press lets the screen sound and speak, fill the wall, and stay awake.
import { chime, soundsAlready, wakeSound } from "./lobby-voice.js";

const IDLE_AFTER_MS = 8000;
const THEME = "queueapp-lobby-theme";
let started = false;
let idle = 0;

export function hasStarted() {
  return started;
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Refused on battery or in the background: the screen's own settings decide.
  }
}

async function begin(pressed) {
  started = true;
  document.body.dataset.started = "";
  document.querySelector("[data-start]").hidden = true;
  stayAwake();
  if (!pressed) return;
  await wakeSound();
  // Asked for here, as voices load late and only speak after a press.
  window.speechSynthesis?.getVoices();
  chime();
  document.documentElement.requestFullscreen?.().catch(() => {});
}

function paintTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

function showControls() {
  const controls = document.querySelector("[data-controls]");
  controls.removeAttribute("data-idle");
  clearTimeout(idle);
  idle = setTimeout(() => { if (started) controls.setAttribute("data-idle", ""); }, IDLE_AFTER_MS);
}

export function startDisplay() {
  // The screen's own choice goes before the clinic's setting.
  const chosen = localStorage.getItem(THEME);
  if (chosen === "light" || chosen === "dark") paintTheme(chosen);
  document.querySelector("[data-theme-switch]").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    paintTheme(theme);
  });
  const button = document.querySelector("[data-start]");
  button.addEventListener("click", () => begin(true));
  if (soundsAlready()) begin(false);
  else button.hidden = false;
  document.addEventListener("visibilitychange", () => { if (started && !document.hidden) stayAwake(); });
  for (const event of ["pointermove", "pointerdown", "keydown"]) addEventListener(event, showControls);
  showControls();
}
