/** The colours of the page for what is drawn on a canvas. */

/** The colours of the design system as a canvas takes them, and its font. */
export interface Paint {
  ink: string;
  soft: string;
  line: string;
  link: string;
  clear: string;
  watch: string;
  high: string;
  critical: string;
  card: string;
  font: string;
}

const TOKENS = ["ink", "soft", "line", "link", "clear", "watch", "high", "critical", "card"] as const;

/** The colours as they are now: a token may say `light-dark(…)`, which only the browser can resolve. */
export function paint(): Paint {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const found = {} as Paint;
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    found[token] = getComputedStyle(probe).color;
  }
  found.font = getComputedStyle(document.body).fontFamily;
  probe.remove();
  return found;
}

/** A colour as seen through glass; opacity 0 to 1. Colours come from `paint`, as `rgb(…)`. */
export function sheer(colour: string, opacity: number): string {
  return colour.replace(/^rgb\((.+)\)$/, `rgba($1, ${opacity})`);
}

/** Call when the theme changes, by choice or by the system; ends by itself when the element is gone. */
export function onTheme(element: HTMLElement, act: () => void): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const change = () => {
    if (element.isConnected) return act();
    document.removeEventListener("portcullis:theme", change);
    system.removeEventListener("change", change);
  };
  document.addEventListener("portcullis:theme", change);
  system.addEventListener("change", change);
}
