/** A chart on a canvas, in the colours of the page; drawn anew when the theme or the room changes. */
import { type EChartsCoreOption, type EChartsType, init } from "echarts/core";

/** The colours of the page as they are now. */
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
}

const NAMES = ["ink", "soft", "line", "link", "clear", "watch", "high", "critical", "card"] as const;

/** Draw into an element; `option` is asked again whenever the colours change. */
export function chart(element: HTMLElement, option: (paint: Paint) => EChartsCoreOption): EChartsType {
  const made = init(element, null, { renderer: "canvas" });
  const draw = () => made.setOption({ animation: false, ...option(paint()) }, true);
  draw();
  document.addEventListener("portcullis:theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => made.resize()).observe(element);
  return made;
}

/** Colours as a canvas takes them: `light-dark()` is worked out by asking an element. */
function paint(): Paint {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const found = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  ) as unknown as Paint;
  probe.remove();
  return found;
}
