/** The buttons, lists and sliders around the scan; each names its key in `data-key`, so that `?` lists it. */
import { key } from "../common/keys";
import type { Strip } from "./colours";
import type { Filter } from "./filters";
import type { Tool } from "./hand";
import type { Colours, Preset } from "./look";
import { number } from "./readout";
import { transmissionAt } from "./tone";
import type { Viewer } from "./viewer";
import { say } from "./words";

/** Connect the controls of a viewer that is open; answers with what makes them show its state. */
export function connect(root: HTMLElement, viewer: () => Viewer | null): () => void {
  const find = <T extends HTMLElement>(selector: string) => root.querySelector<T>(selector);
  const slider = (name: string) => find<HTMLInputElement>(`input[data-slide=${name}]`) as HTMLInputElement;
  const list = (name: string) => find<HTMLSelectElement>(`select[data-list=${name}]`) as HTMLSelectElement;
  const inside = () => root.contains(document.activeElement) && viewer() !== null;

  const acts: Record<string, (viewer: Viewer, button: HTMLButtonElement) => void> = {
    "zoom-in": ({ pane }) => pane.zoom(1.5),
    "zoom-out": ({ pane }) => pane.zoom(1 / 1.5),
    fit: ({ pane }) => {
      pane.view.setRotation(0);
      pane.fit();
    },
    one: ({ pane }) => pane.oneToOne(),
    left: ({ pane }) => pane.turn(-90),
    right: ({ pane }) => pane.turn(90),
    across: (found) => found.flip("across"),
    down: (found) => found.flip("down"),
    large: (found, button) => large(root, found, button),
    invert: (found, button) => {
      found.look.tone.invert = pressed(button);
      found.tint();
    },
    log: (found, button) => {
      found.look.scale(pressed(button));
      found.tint();
    },
    auto: (found) => found.preset("auto"),
    heat: (found, button) => {
      found.look.heat = pressed(button);
      void found.cover(Number(slider("opacity").value) / 100);
    },
    blind: (found, button) => {
      found.look.blind = pressed(button);
      void found.cover(Number(slider("opacity").value) / 100);
    },
    marks: (found, button) => found.marks.toggle(pressed(button)),
    compare: (found, button) => found.compare(pressed(button)),
  };
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-do]")) {
    button.addEventListener("click", () => {
      const found = viewer();
      if (found) acts[button.dataset.do ?? ""]?.(found, button);
    });
  }
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-tool]")) {
    button.addEventListener("click", () => viewer()?.choose(button.dataset.tool as Tool));
  }

  const chosen: Record<string, (viewer: Viewer, value: string) => void> = {
    channel: (found, value) => {
      found.look.channel = value;
      void found.reshow(say(value === "areal" ? "measuring" : "loading"), true);
    },
    filter: (found, value) => {
      found.look.filter = value === "none" ? null : (value as Filter);
      if (value === "local") found.look.scale(true);
      void found.reshow(say("filtering"), true);
    },
    colours: (found, value) => {
      found.look.choose(value as Colours, found.look.strip);
      void found.reshow(say(value === "material" ? "materials" : "loading"));
    },
    strip: (found, value) => {
      found.look.choose(found.look.colours, value as Strip);
      void found.reshow(say("materials"));
    },
    preset: (found, value) => found.preset(value as Preset),
  };
  for (const [name, act] of Object.entries(chosen)) {
    list(name).addEventListener("change", () => {
      const found = viewer();
      if (found) act(found, list(name).value);
    });
  }

  const slid: Record<string, (viewer: Viewer, value: number) => void> = {
    level: (found, value) => {
      const half = (found.look.tone.high - found.look.tone.low) / 2;
      found.window(value / 1000 - half, value / 1000 + half);
    },
    width: (found, value) => {
      const { low, high } = found.look.tone;
      const half = Math.max(0.001, (value / 1000) ** 2 / 2);
      found.window((low + high) / 2 - half, (low + high) / 2 + half);
    },
    gamma: (found, value) => {
      found.look.tone.gamma = 2 ** (value / 50);
      found.tint();
    },
    opacity: (found, value) => void found.cover(value / 100),
  };
  for (const [name, act] of Object.entries(slid)) {
    slider(name).addEventListener("input", () => {
      const found = viewer();
      if (found) act(found, Number(slider(name).value));
      if (name !== "opacity") list("preset").value = "own";
    });
  }
  keyboard(root, viewer, inside);

  return () => {
    const found = viewer();
    if (!found) return;
    const { tone, measure } = found.look;
    slider("level").value = String(Math.round(500 * (tone.low + tone.high)));
    slider("width").value = String(Math.round(1000 * Math.sqrt(tone.high - tone.low)));
    slider("gamma").value = String(Math.round(50 * Math.log2(tone.gamma)));
    const shown = find(".viewer-window") as HTMLElement;
    shown.textContent = window(found.look, found.pane.scan.measured);
    slider("level").setAttribute("aria-valuetext", shown.textContent);
    slider("width").setAttribute("aria-valuetext", shown.textContent);
    slider("gamma").setAttribute("aria-valuetext", number(tone.gamma, 2));
    (find("button[data-do=log]") as HTMLElement).setAttribute("aria-pressed", String(tone.log));
    (find("button[data-do=log]") as HTMLButtonElement).disabled = measure === "amount";
    (find("button[data-do=invert]") as HTMLElement).setAttribute("aria-pressed", String(tone.invert));
    for (const button of root.querySelectorAll<HTMLElement>("button[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === found.tool));
    }
  };
}

/** What a scan offers: its channels, and what it cannot be asked. */
export function offer(root: HTMLElement, viewer: Viewer): void {
  const { about, measured, sorted } = viewer.pane.scan;
  const channels = root.querySelector("select[data-list=channel]") as HTMLSelectElement;
  const options = about.planes.map(
    ({ number: n, energy }) => new Option(energy === "unknown" ? `${n + 1}` : energy, `plane:${n}`),
  );
  if (measured) options.push(new Option(say("areal"), "areal"));
  if (about.material) options.push(new Option(say("zeff"), "material"));
  channels.replaceChildren(...options);
  for (const [name, value] of [
    ["colours", "material"],
    ["strip", "organic"],
    ["strip", "metal"],
  ]) {
    const option = root.querySelector<HTMLOptionElement>(`select[data-list=${name}] option[value=${value}]`);
    if (option) option.disabled = !sorted;
  }
  (root.querySelector("[data-unsorted]") as HTMLElement).hidden = sorted || !measured;
  const degraded = root.querySelector("[data-degraded]") as HTMLElement;
  degraded.hidden = measured;
  (root.querySelector("[data-no-pitch]") as HTMLElement).hidden = about.pixel_pitch_m !== null;
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-do=heat]"))
    button.disabled = !about.heatmap;
  (root.querySelector("[data-slide=opacity]") as HTMLInputElement).disabled = !about.heatmap;
  const how = root.querySelector(".viewer-drawn") as HTMLElement;
  how.textContent = say("drawn", { how: say(viewer.pane.painter.name) });
}

function keyboard(root: HTMLElement, viewer: () => Viewer | null, inside: () => boolean): void {
  const map = root.querySelector(".viewer-map") as HTMLElement;
  key("v", say("go"), () => {
    map.scrollIntoView({ block: "nearest" });
    map.focus();
  });
  for (const control of root.querySelectorAll<HTMLElement>("[data-key]")) {
    const label =
      control.dataset.label ?? control.getAttribute("aria-label") ?? control.textContent?.trim() ?? "";
    key(
      control.dataset.key ?? "",
      label,
      () => operate(control),
      () => inside() && control.closest("[hidden]") === null,
    );
  }
  const onMap = () => document.activeElement === map && viewer() !== null;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] } as const;
  for (const [name, [right, down]] of Object.entries(arrows)) {
    const shown = `${say("move")} · Shift: ${say("adjust")}`;
    key(name, shown, (event) => viewer()?.push(right, down, event.shiftKey), onMap);
  }
  key("Enter", say("confirm"), () => viewer()?.confirm(), onMap);
  key("Escape", say("cancel"), () => viewer()?.cancel(), inside);
}

/** Do what a key's control does: press a button, take a list's next entry, push a slider. */
function operate(control: HTMLElement): void {
  if (control instanceof HTMLButtonElement) control.click();
  if (control instanceof HTMLSelectElement) {
    const options = [...control.options].filter(({ disabled, hidden }) => !disabled && !hidden);
    const at = options.findIndex(({ selected }) => selected);
    const next = options[(at + 1) % options.length];
    if (next) control.value = next.value;
    control.dispatchEvent(new Event("change"));
  }
}

/** A toggle that was pressed: its new state. */
function pressed(button: HTMLButtonElement): boolean {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  return on;
}

function large(root: HTMLElement, viewer: Viewer, button: HTMLButtonElement): void {
  const on = pressed(button);
  root.classList.toggle("large", on);
  document.documentElement.classList.toggle("viewer-large", on);
  viewer.pane.map.updateSize();
  viewer.pane.fit();
}

/** The window in figures of the scale. */
function window({ tone, measure, step, unit }: Viewer["look"], measured: boolean): string {
  if (measure === "amount") {
    const [least, most] = [1 - tone.high, 1 - tone.low].map((share) => number(65535 * step * share));
    return `${say("window", { low: `${least}`, high: `${most}` })} ${unit.replace("cm2", "cm²")}`.trim();
  }
  const ends = [tone.low, tone.high].map((at) => transmissionAt(at, tone.log));
  if (tone.log)
    return `−ln T ${say("window", { low: number(ends[1] as number), high: number(ends[0] as number) })}`;
  const [low, high] = ends.map((end) => number(100 * end));
  return `${measured ? "T " : ""}${say("window", { low: `${low}`, high: `${high} %` })}`;
}
