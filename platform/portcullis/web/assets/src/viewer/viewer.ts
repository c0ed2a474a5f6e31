/** The viewer of one case: panes, the look that they share, tools, and what is said about the scan. */
import { Refusal } from "../common/fetch";
import { showExpected } from "./expected";
import { type Hands, hand, type Tool } from "./hand";
import { link } from "./linking";
import { Look, type Preset } from "./look";
import { Marks } from "./marks";
import { type PainterChoice, Pane } from "./pane";
import { Places, type Wanted } from "./places";
import { type Layers, placeWords, refusal, shapeFacts, shapeLabel } from "./readout";
import { Scan } from "./scan";
import { Shape, type ShapeKind } from "./shape";
import { type Similar, SimilarList } from "./similar";
import { say } from "./words";
import type { Workshop } from "./workshop";

const STEP = 40; // pixels of CSS that a key moves
const DRAWING: readonly Tool[] = ["ruler", "region", "mark"];

export class Viewer {
  readonly look = new Look();
  tool: Tool = "move";
  shape: Shape | null = null;
  readonly marks: Marks;
  readonly places: Places;
  private other: Pane | null = null;
  private unlink = () => {};
  private similar: SimilarList | null = null;
  private readonly layers: Layers = { plane: null, areal: null, bound: null, step: 0.01 };
  private waiting = false;
  private since = 0;
  private begun = 0;
  private asked = 0;

  private constructor(
    readonly root: HTMLElement,
    readonly href: string,
    readonly workshop: Workshop,
    readonly pane: Pane,
    private readonly choice: PainterChoice,
    /** Hears when something that controls show has changed. */
    private readonly changed: (viewer: Viewer) => void,
  ) {
    this.marks = new Marks(root, href, pane);
    this.places = new Places(root, pane);
    hand(pane, this.hands());
    pane.map.on("pointermove", ({ coordinate }) => this.read(pane.scan.grid.toPixel(coordinate)));
    pane.view.on("propertychange", () => this.readMiddle());
  }

  /** Fetch what is known of the scan and its first plane, and show it. Throws `Refusal`. */
  static async open(
    root: HTMLElement,
    href: string,
    workshop: Workshop,
    choice: PainterChoice,
    changed: (viewer: Viewer) => void,
  ): Promise<Viewer> {
    const scan = await Scan.open(href, workshop);
    const first = await scan.numbers("plane:0", null, (share) => progress(root, say("loading"), share));
    const pane = new Pane(root.querySelector(".viewer-map") as HTMLElement, scan, choice);
    const viewer = new Viewer(root, href, workshop, pane, choice, changed);
    viewer.layers.plane = first.picture.levels[0] ?? null;
    await viewer.look.apply(pane);
    if (!scan.measured) viewer.look.tone.log = false;
    viewer.look.preset("auto");
    viewer.look.colour(viewer.panes);
    pane.fit();
    progress(root, "");
    void viewer.furnish();
    return viewer;
  }

  get panes(): readonly Pane[] {
    return this.other ? [this.pane, this.other] : [this.pane];
  }

  /** Colours changed: they are on the screen with the next frame, however many changes come until then. */
  tint(): void {
    if (!this.since) this.since = performance.now();
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.begun = performance.now();
      const work = this.look.colour(this.panes);
      const took = performance.now() - this.since;
      this.waiting = false;
      this.since = 0;
      this.changed(this);
      this.root.dispatchEvent(
        new CustomEvent("portcullis:drawn", { detail: { work, took, begun: this.begun } }),
      );
    });
  }

  window(low: number, high: number): void {
    this.look.tone = { ...this.look.tone, low, high };
    this.tint();
  }

  preset(name: Preset): void {
    this.look.preset(name);
    this.tint();
  }

  /** Another channel, filter or material colours: fetch what they need, then show it. */
  async reshow(words: string, fresh = false): Promise<void> {
    const asked = ++this.asked;
    try {
      progress(this.root, words, 0);
      await this.look.apply(this.pane, (share) => progress(this.root, words, share));
      if (this.other) await this.look.apply(this.other, () => {}, false);
      if (asked !== this.asked) return; // somebody has chosen something else meanwhile
      if (fresh) this.look.preset("auto");
      progress(this.root, "");
      this.tint();
    } catch (error) {
      progress(this.root, say("layer", { why: reason(error) }), undefined, true);
    }
  }

  /** Show or hide odd places and saturated areas. */
  async cover(opacity: number): Promise<void> {
    for (const pane of this.panes) {
      const { scan, overlay } = pane;
      overlay.opacity = opacity;
      overlay.heat = this.look.heat && scan.about.heatmap ? await over(scan, "heat") : null;
      // where greys are no measurement every pixel is "bound", and stripes would say nothing
      overlay.blind = this.look.blind && scan.measured ? await over(scan, "bound") : null;
      pane.cover();
    }
  }

  choose(tool: Tool): void {
    this.tool = tool;
    if (DRAWING.includes(tool)) {
      if (this.shape && this.shape.kind !== tool) {
        this.shape.erase(); // Enter would finish the earlier one
        this.shape = null;
      }
      this.say([], [say("drag")]);
      if (tool === "region") void this.measure();
    }
    this.root.dataset.tool = tool;
    this.changed(this);
  }

  /** Enter: begin a shape in the middle, or finish the one that is there. */
  confirm(): void {
    if (this.shape) void this.finish(this.shape);
    else if (DRAWING.includes(this.tool)) {
      this.begin(
        Shape.inMiddle(this.pane, this.tool as ShapeKind, (shape) => shapeLabel(this.pane.scan, shape)),
      );
    }
  }

  cancel(): void {
    this.marks.drop();
    this.shape?.erase();
    this.shape = null;
    this.say([], []);
    this.places.clear();
    this.choose("move");
  }

  /** An arrow key. */
  push(right: number, down: number, shift: boolean): void {
    if (this.shape) {
      this.shape.move((right * STEP) / 5, (down * STEP) / 5, shift);
      return;
    }
    if (!shift) {
      this.pane.move(right * STEP, down * STEP);
      return;
    }
    const { low, high } = this.look.tone;
    const wide = (high - low) * (1 + 0.1 * right);
    const middle = (low + high) / 2 + 0.05 * down * (high - low);
    this.window(Math.max(0, middle - wide / 2), Math.min(1, middle + wide / 2));
  }

  flip(how: "across" | "down"): void {
    for (const pane of this.panes) pane.flip(how);
    this.redraw();
  }

  async place(wanted: Wanted): Promise<void> {
    const found = await this.places.show(wanted).catch(() => false);
    document.dispatchEvent(new CustomEvent("portcullis:placed", { detail: { found } }));
  }

  /** Side by side with a similar scan, or alone. */
  compare(on: boolean): void {
    const room = this.root.querySelector(".viewer-similar") as HTMLElement;
    room.hidden = !on;
    if (!on) {
      this.beside(null);
      return;
    }
    this.similar ??= new SimilarList(this.root, this.href, (chosen) => void this.open(chosen));
    void this.similar.load();
  }

  private async open(chosen: Similar | null): Promise<void> {
    this.beside(null);
    if (!chosen?.href) return;
    const room = this.root.querySelector(".viewer-other") as HTMLElement;
    try {
      progress(this.root, say("loading"), 0);
      const scan = await Scan.open(chosen.href, this.workshop);
      await scan.numbers("plane:0", null, (share) => progress(this.root, say("loading"), share));
      scan.grid.flipAcross = this.pane.scan.grid.flipAcross;
      scan.grid.flipDown = this.pane.scan.grid.flipDown;
      room.hidden = false;
      this.root.dataset.compared = "";
      const title = room.querySelector("a") as HTMLAnchorElement;
      title.href = chosen.href.replace("/v1", "");
      title.textContent = [chosen.code, chosen.importer, chosen.date].filter(Boolean).join(" · ");
      this.other = new Pane(room.querySelector(".viewer-map") as HTMLElement, scan, this.choice);
      await this.look.apply(this.other, () => {}, false);
      this.unlink = link(this.pane, this.other);
      this.pane.map.updateSize();
      this.pane.fit();
      this.tint();
      await this.cover(this.pane.overlay.opacity);
      progress(this.root, "");
    } catch (error) {
      this.beside(null);
      progress(this.root, say("layer", { why: reason(error) }), undefined, true);
    }
  }

  private beside(pane: null): void {
    this.unlink();
    this.unlink = () => {};
    this.other?.close();
    this.other = pane;
    const room = this.root.querySelector(".viewer-other") as HTMLElement;
    room.hidden = true;
    delete this.root.dataset.compared;
    this.pane.map.updateSize();
  }

  private begin(shape: Shape): void {
    this.shape?.erase();
    this.marks.drop();
    this.shape = shape;
  }

  private hands(): Hands {
    return {
      tool: () => this.tool,
      tone: () => this.look.tone,
      window: (low, high) => this.window(low, high),
      label: (shape) => shapeLabel(this.pane.scan, shape),
      begun: (shape) => this.begin(shape),
      ended: (shape) => void this.finish(shape),
      dropped: (shape) => {
        shape.erase();
        if (this.shape === shape) this.shape = null;
      },
    };
  }

  private async finish(shape: Shape): Promise<void> {
    if (shape.kind === "mark") {
      this.shape = null;
      this.marks.comment(shape);
      return;
    }
    if (shape.kind === "region") await this.measure();
    const { facts, notes } = shapeFacts(this.pane.scan, shape, this.layers);
    this.say(facts, notes);
  }

  /** Areal density and its bounds, which a region and the readout need. */
  private async measure(): Promise<void> {
    const { scan } = this.pane;
    if (!scan.measured) {
      this.say([], [refusal(scan)]);
      return;
    }
    if (this.layers.areal) return;
    try {
      progress(this.root, say("measuring"), 0);
      const [areal, bound] = [await scan.numbers("areal"), await scan.numbers("bound")];
      this.layers.areal = areal.picture.levels[0] ?? null;
      this.layers.bound = bound.picture.levels[0] ?? null;
      this.layers.step = areal.picture.step;
      progress(this.root, "");
    } catch (error) {
      progress(this.root, say("layer", { why: reason(error) }), undefined, true);
    }
  }

  /** What is shown once the picture is there: boxes, the expected density, overlays. */
  private async furnish(): Promise<void> {
    const room = this.root.querySelector<HTMLElement>(".viewer-expected");
    if (room) void showExpected(room, this.href);
    void this.marks.load().catch(() => {});
    await this.cover(this.pane.overlay.opacity).catch(() => {});
    if (this.pane.scan.measured) void this.measure();
  }

  private redraw(): void {
    this.marks.draw();
    this.places.draw();
    this.shape?.draw();
  }

  private read(pixel: readonly [number, number]): void {
    const room = this.root.querySelector(".viewer-readout") as HTMLElement;
    room.textContent = placeWords(this.pane.scan, pixel, this.layers);
  }

  /** Without a pointer the middle of the view is read. */
  private readMiddle(): void {
    if (document.activeElement === this.pane.element) this.read(this.pane.middle());
  }

  private say(facts: [string, string][], notes: string[]): void {
    const room = this.root.querySelector(".viewer-found") as HTMLElement;
    room.hidden = !facts.length && !notes.length;
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [term, value] of facts) {
      const pair = document.createElement("div");
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = term;
      dd.textContent = value;
      pair.append(dt, dd);
      list.append(pair);
    }
    const said = notes.map((note) => {
      const line = document.createElement("p");
      line.className = "hint";
      line.textContent = note;
      return line;
    });
    room.replaceChildren(...(facts.length ? [list] : []), ...said);
  }
}

/** A layer as the overlay draws it. */
async function over(scan: Scan, name: string) {
  const { levels, box } = (await scan.numbers(name)).picture;
  return { levels, box };
}

/** What the viewer is busy with; "" is nothing. Trouble stays until something else is said. */
export function progress(root: HTMLElement, words: string, share?: number, trouble = false): void {
  const room = root.querySelector<HTMLElement>(".viewer-state");
  if (!room) return;
  room.hidden = !words;
  room.classList.toggle("alert", trouble);
  (room.querySelector("span") as HTMLElement).textContent = words;
  const bar = room.querySelector("progress") as HTMLProgressElement;
  bar.hidden = share === undefined;
  if (share) bar.value = share;
  else bar.removeAttribute("value");
  (room.querySelector("button") as HTMLElement).hidden = true;
}

export function reason(error: unknown): string {
  return error instanceof Refusal && error.status ? error.message : say("unreachable");
}
