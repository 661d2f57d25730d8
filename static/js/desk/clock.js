// The clinic's time for a day sheet that opens without the server, on a desk whose own clock is wrong.

const AHEAD = "queueapp-clinic-ahead-ms";

/** Learn from an answer of the server itself how far its clock is from this one. */
export function heardFrom(answer) {
  const at = Date.parse(answer.headers.get("Date"));
  if (at) localStorage.setItem(AHEAD, String(at - Date.now()));
}

/** As milliseconds since the epoch. */
export const clinicNow = () => Date.now() + Number(localStorage.getItem(AHEAD) ?? 0);
