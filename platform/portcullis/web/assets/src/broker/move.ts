/** Arrows through links that stand in a list or in columns. */
import { key } from "../common/keys";
import { say } from "./words";

/** Up and down go from link to link of a column, right opens, left goes to what is open one column before. */
export function move(): void {
  const shelves = [...document.querySelectorAll<HTMLElement>(".shelf")];
  const last = shelves.at(-1);
  if (shelves.length > 1) last?.querySelector<HTMLElement>("[data-move]")?.focus({ preventScroll: true });
  for (const open of document.querySelectorAll<HTMLElement>(".shelf [aria-current]")) {
    const shelf = open.closest<HTMLElement>(".shelf");
    if (shelf) shelf.scrollTop = open.offsetTop - shelf.offsetTop - 80;
  }
  last?.scrollIntoView({ inline: "end", block: "nearest" });

  const any = () => document.querySelector("[data-move]") !== null;
  key("ArrowDown", say("down"), () => step(1), any);
  key("ArrowUp", say("up"), () => step(-1), any);
  if (shelves.length === 0) return;
  key("ArrowRight", say("right"), () => here()?.click(), any);
  key("ArrowLeft", say("left"), () => {
    const shelf = here()?.closest(".shelf") ?? last;
    const before = shelf?.previousElementSibling;
    before?.querySelector<HTMLElement>("[aria-current], [data-move]")?.focus();
  });
}

function here(): HTMLAnchorElement | null {
  return document.activeElement?.closest<HTMLAnchorElement>("[data-move]") ?? null;
}

function step(by: number): void {
  const at = here();
  const group = at?.closest(".shelf, .hits, tbody") ?? document;
  const all = [...group.querySelectorAll<HTMLElement>("[data-move]")];
  const next = all[at ? all.indexOf(at) + by : 0];
  if (next) next.focus();
  else if (by < 0) document.querySelector<HTMLElement>("#query")?.focus();
}
