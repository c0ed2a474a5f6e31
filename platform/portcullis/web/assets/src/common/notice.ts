/** Short notices in the corner, read out by screen readers. */
import { say } from "./words";

/** Tell something that needs no answer; trouble stays until it is closed. */
export function notice(text: string, kind: "done" | "trouble" = "done"): void {
  const room = document.querySelector("#notices");
  if (!room) return;
  const made = document.createElement("div");
  made.className = `notice ${kind}`;
  const said = document.createElement("p");
  said.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "quiet";
  close.textContent = say("close");
  close.addEventListener("click", () => made.remove());
  made.append(said, close);
  room.append(made);
  if (kind === "done") setTimeout(() => made.remove(), 6000);
}
