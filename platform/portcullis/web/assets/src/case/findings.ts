/** Going from finding to finding; the viewer is asked to show the place of each one that has a place. */
import { key } from "../common/keys";
import { notice } from "../common/notice";
import { say } from "./words";

/** What the viewer is asked, and what it answers with `portcullis:placed`. */
export interface Place {
  label: string;
  kind: string;
}

/** Number keys and buttons; nothing to do on a page without findings. */
export function walkFindings(): void {
  const findings = [...document.querySelectorAll<HTMLLIElement>(".findings > li")];
  if (!findings.length) return;
  let at = -1;

  const go = (to: number) => {
    at = (to + findings.length) % findings.length;
    findings.forEach((each, i) => {
      if (i === at) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    });
    const chosen = findings[at];
    if (!chosen) return;
    const target = chosen.querySelector<HTMLElement>(".show-place, .go a");
    target?.focus({ preventScroll: true });
    chosen.scrollIntoView({ block: "nearest" });
    if ("onScan" in chosen.dataset) ask(chosen);
  };

  findings.forEach((finding, i) => {
    finding.querySelector(".show-place")?.addEventListener("click", () => go(i));
  });
  for (const sequence of ["n", "j"]) key(sequence, say("next"), () => go(at + 1));
  for (const sequence of ["p", "k"]) key(sequence, say("previous"), () => go(at < 0 ? -1 : at - 1));
  document.addEventListener("portcullis:placed", (event) => {
    if ((event as CustomEvent<{ found?: boolean }>).detail?.found === false) notice(say("no_place"));
  });
}

function ask(finding: HTMLElement): void {
  const detail: Place = {
    label: finding.querySelector(".name")?.textContent?.trim() ?? "",
    kind: finding.dataset.kind ?? "",
  };
  document.dispatchEvent(new CustomEvent<Place>("portcullis:place", { detail }));
}
