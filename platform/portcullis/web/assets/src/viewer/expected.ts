/** Under the picture: the areal density that was measured against the one that the declared goods usually have. */
import { ask, Refusal } from "../common/fetch";
import { number } from "./readout";
import { say } from "./words";

interface Answer {
  observed: number | null;
  expected: [number, number] | null;
  said: { sentence: string };
  declared: { typical: number; low: number; high: number; scans: number } | null;
}

/** Fill `room`; says in words what the bar shows, and why where nothing can be expected. */
export async function showExpected(room: HTMLElement, href: string): Promise<void> {
  try {
    const { observed, expected, said, declared } = await ask<Answer>(`${href}/expected-density`);
    const words = document.createElement("p");
    words.textContent = said.sentence;
    room.replaceChildren(words);
    const range = expected ?? (declared && ([declared.low, declared.high] as const));
    if (range && observed !== null) room.prepend(bar(range, observed));
  } catch (error) {
    const words = document.createElement("p");
    words.className = "hint";
    words.textContent = say("layer", { why: error instanceof Refusal ? error.message : say("unreachable") });
    room.replaceChildren(words);
  }
}

function bar([low, high]: readonly [number, number], observed: number): HTMLElement {
  const most = 1.25 * Math.max(high, observed);
  const place = (value: number) => `${((100 * value) / most).toFixed(2)}%`;
  const made = document.createElement("div");
  made.className = "viewer-scale";
  made.setAttribute("role", "img");
  const text = `${say("expected")}: ${say("typical", { low: number(low, 0), high: number(high, 0) })}, ${say("observedIs", { n: number(observed) })}`;
  made.setAttribute("aria-label", text);
  const usual = document.createElement("span");
  usual.className = "usual";
  usual.style.left = place(low);
  usual.style.width = place(high - low);
  const mark = document.createElement("span");
  mark.className = observed < low || observed > high ? "mark odd" : "mark";
  mark.style.left = place(observed);
  const label = document.createElement("b");
  label.textContent = text;
  made.append(usual, mark);
  const whole = document.createElement("div");
  whole.append(label, made);
  return whole;
}
