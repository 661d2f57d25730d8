// A booking half typed is put aside by Esc, its time kept, and taken up again by B.

import { complete } from "../forms.js";
import { openPanel, panel } from "./panel.js";
import { send } from "./commands.js";

const main = document.querySelector("[data-desk]");
const chip = document.getElementById("desk-parked");

export const openBooking = () => openPanel(main.dataset.bookUrl);

const form = () => panel.querySelector("form[data-book][data-park]");

/** Whether an opened booking has anything typed in it. */
function isBegun(booking) {
  return ["line", "name", "phone", "birth_date"].some((name) => booking.elements[name]?.value.trim());
}

/** Put the opened booking aside; whether there was one worth it. */
export function parkBooking() {
  const booking = form();
  if (!booking || !isBegun(booking)) return false;
  complete(booking);
  send(booking, booking.querySelector("[data-park-button]"));
  return true;
}

/** What is put aside is seen in the foot until it is booked or thrown away. */
export function tellParked(url) {
  const path = new URL(url, location.href).pathname;
  if (path.startsWith(main.dataset.bookUrl)) chip.hidden = !path.endsWith("/park");
}
