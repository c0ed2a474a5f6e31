/** How the scans are shown: the same for all panes. */
import { type MapName, type Strip, table } from "./colours";
import type { Filter } from "./filters";
import type { Pane } from "./pane";
import type { Level } from "./pyramid";
import type { Name, Scan } from "./scan";
import { type Measure, positions, rescaled, shade, type Tone, window } from "./tone";
import type { Told } from "./workshop";

export type Colours = MapName | "material";
export type Preset = "auto" | "whole" | "dense" | "light" | "own";

const PERCENTILES = { auto: [0.005, 0.98], whole: [0, 1] } as const;
// Above this transmission, below this much of a measure there is air and packing; contrast is for the goods.
const AIR = 0.6 * 65535;
const LITTLE = 400;
const SOME = 0.02; // of the pixels: with fewer goods than that all pixels count
// −ln T: from half a metre of water at 6 MV on, and up to the third of a metre
const DENSE = [2, 9] as const;
const LIGHT = [0, 2] as const;
const DEEPEST = Math.log(65535);

export class Look {
  channel: Name = "plane:0";
  filter: Filter | null = null;
  colours: Colours = "grey";
  strip: Strip = "none";
  tone: Tone = { low: 0, high: 1, log: true, invert: false, gamma: 1 };
  heat = true;
  blind = true;
  /** What one step of the channel's numbers is worth, and in which unit. */
  step = 1 / 65535;
  unit = "";
  private readonly greys = new Uint8Array(65536);
  private place = positions("transmission", true);
  private measured = "transmission/true";
  private painted: Uint32Array = table("grey", false, "none");
  private counts: Uint32Array = new Uint32Array(65536);

  get measure(): Measure {
    return this.channel.startsWith("plane:") ? "transmission" : "amount";
  }

  /** Fetch what a pane shows under this look, and show it. */
  async apply(pane: Pane, told: Told = () => {}, counted = true): Promise<void> {
    const { scan } = pane;
    const channel = this.channelOf(scan);
    const filter = channel.startsWith("plane:") ? this.filter : null;
    const { picture, counts } = await scan.numbers(channel, filter, told);
    const needs = (this.colours === "material" || this.strip !== "none") && scan.sorted;
    const shares: readonly Level[] | null = needs ? await scan.shares(told) : null;
    if (counted) {
      this.counts = counts;
      this.step = picture.step;
      this.unit = picture.unit;
    }
    pane.painter.show({ levels: picture.levels, shares, box: [...picture.box] });
  }

  /** The same channel of another scan, or its first plane. */
  channelOf(scan: Scan): Name {
    const number = Number(this.channel.slice(6));
    if (this.channel.startsWith("plane:")) return scan.about.planes[number] ? this.channel : "plane:0";
    if (this.channel === "material") return scan.about.material ? "material" : "plane:0";
    return scan.measured ? this.channel : "plane:0";
  }

  /** Colours anew for these panes; ms of main thread. */
  colour(panes: readonly Pane[]): number {
    const began = performance.now();
    const measured = `${this.measure}/${this.tone.log}`;
    if (measured !== this.measured) {
      this.place = positions(this.measure, this.tone.log);
      this.measured = measured;
    }
    shade(this.greys, this.place, this.tone);
    for (const pane of panes) {
      pane.painter.colour(this.greys, this.painted);
      pane.redraw();
    }
    return performance.now() - began;
  }

  /** Another table of colours. */
  choose(colours: Colours, strip: Strip): void {
    this.colours = colours;
    this.strip = strip;
    this.painted = table(colours === "material" ? "grey" : colours, colours === "material", strip);
  }

  /** Set the window to a preset. */
  preset(name: Preset): void {
    const place = positions(this.measure, this.tone.log);
    if (name === "own") return;
    if (name === "auto" || name === "whole") {
      const [from, to] = PERCENTILES[name];
      const counts = name === "auto" ? goods(this.counts, this.measure) : this.counts;
      this.tone = { ...this.tone, ...window(counts, place, from, to) };
      return;
    }
    const [near, deep] = name === "dense" ? DENSE : LIGHT;
    const wanted = { low: 1 - deep / DEEPEST, high: 1 - near / DEEPEST };
    const there = { ...this.tone, ...wanted, log: true };
    this.tone = { ...rescaled(there, this.tone.log), gamma: this.tone.gamma, invert: this.tone.invert };
  }

  /** Linear or −ln T, with the same window. */
  scale(log: boolean): void {
    this.tone = rescaled(this.tone, log);
  }
}

/** How often each number occurs where there are goods. */
function goods(counts: Uint32Array, measure: Measure): Uint32Array {
  const empty = (value: number) => (measure === "transmission" ? value > AIR : value < LITTLE);
  let total = 0;
  let kept = 0;
  const found = counts.map((count, value) => {
    total += count;
    if (empty(value)) return 0;
    kept += count;
    return count;
  });
  return kept > SOME * total ? found : counts;
}
