/** Below a case: tabs whose panels are fetched when they are first shown; plots and the map within them. */
import { key } from "../common/keys";
import { tabs } from "../common/tabs";
import { say } from "./words";

const section = document.querySelector<HTMLElement>("#history");
if (section) begin(section);

function begin(room: HTMLElement): void {
  const list = room.querySelector<HTMLElement>("[role=tablist]");
  if (!list) return;
  const asked = new Set<HTMLElement>();
  let near = false;

  const load = (panel: HTMLElement) => {
    if (!near || asked.has(panel)) return;
    asked.add(panel);
    fetchPart(panel);
  };
  const select = tabs(list, load);
  const current = () => room.querySelector<HTMLElement>("[role=tabpanel]:not([hidden])");
  const arrive = () => {
    near = true;
    const panel = current();
    if (panel) load(panel);
  };

  room.addEventListener("htmx:before:swap", (event) => refuseWholePages(event as CustomEvent));
  room.addEventListener("htmx:error", (event) => trouble(event.target as HTMLElement, say("unreachable")));
  room.addEventListener("htmx:after:swap", (event) => furnish(panelOf(event.target as HTMLElement)));
  // a decision or an outcome was recorded elsewhere on the page
  document.body.addEventListener("worked", () => {
    const timeline = room.querySelector<HTMLElement>("#timeline");
    if (timeline && asked.has(timeline)) fetchPart(timeline);
  });

  const named = () => location.hash.slice(1);
  if (named() && select(named())) {
    arrive();
    room.scrollIntoView();
  } else {
    new IntersectionObserver(
      (entries, observer) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        arrive();
      },
      { rootMargin: "300px" },
    ).observe(room);
  }
  window.addEventListener("hashchange", () => select(named()));

  for (const [letter, id] of Object.entries({
    t: "timeline",
    p: "past",
    w: "route",
    v: "trend",
    a: "audit",
  })) {
    const label = room.querySelector(`#tab-${id}`)?.textContent ?? id;
    key(`h ${letter}`, label, () => {
      near = true;
      select(id);
      room.scrollIntoView();
      room.querySelector<HTMLElement>(`#tab-${id}`)?.focus();
    });
  }
}

function fetchPart(panel: HTMLElement): void {
  const href = panel.dataset.part;
  if (href) window.htmx.ajax("GET", href, { source: panel, target: panel, swap: "innerHTML" });
}

/** The panel that something within it, or the panel itself, belongs to. */
function panelOf(element: HTMLElement): HTMLElement | null {
  return element.closest<HTMLElement>("[role=tabpanel]");
}

/** An error answers with a whole page, which has no place in a panel. */
function refuseWholePages(event: CustomEvent): void {
  const ctx = event.detail?.ctx;
  const text: string = ctx?.text ?? "";
  if (!/^\s*<!doctype/i.test(text)) return;
  event.preventDefault();
  trouble(event.target as HTMLElement, `(${ctx?.response?.status ?? "?"})`);
}

function trouble(source: HTMLElement, why: string): void {
  const panel = panelOf(source);
  const form = document.querySelector<HTMLTemplateElement>("#history-trouble");
  if (!panel || !form) return;
  const made = form.content.cloneNode(true) as DocumentFragment;
  const said = made.querySelector("[data-why]");
  if (said) said.textContent = why;
  made.querySelector("button")?.addEventListener("click", () => fetchPart(panel));
  // what somebody typed is not thrown away for a message
  if (panel.querySelector("textarea")) {
    panel.querySelector(".alert")?.remove();
    panel.prepend(made);
  } else panel.replaceChildren(made);
}

/** Draw what a part that has just come in asks for. */
async function furnish(panel: HTMLElement | null): Promise<void> {
  const plot = panel?.querySelector<HTMLElement>("[data-trend]:not([data-drawn])");
  if (plot) {
    plot.dataset.drawn = "";
    const { drawTrend } = await import("./trend"); // most cases are read without plots and map
    drawTrend(plot);
  }
  const map = panel?.querySelector<HTMLElement>("[data-map]:not([data-drawn])");
  if (panel && map) {
    map.dataset.drawn = "";
    const { drawMap } = await import("./map");
    drawMap(map, panel);
  }
}
