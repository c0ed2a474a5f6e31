/** One scan: what is known of it, and its numbers, fetched when they are needed and then kept. */
import { ask } from "../common/fetch";
import type { Filter } from "./filters";
import { Grid } from "./grid";
import { type Level, type Picture, pyramid } from "./pyramid";
import type { Box } from "./raster";
import type { Fetched, Told, Workshop } from "./workshop";

/** The answer of `/v1/assessments/{id}/scan/planes`. */
export interface About {
  rows: number;
  columns: number;
  planes: { number: number; energy: string; href: string }[];
  layers: { layer: "areal" | "bound" | "steel"; href: string }[];
  material: string | null;
  heatmap: string | null;
  pixel_pitch_m: [number, number] | null;
  bit_depth: number;
  view: string;
  scanner: string | null;
  saturated: number;
  turned: string[];
  degraded: string[];
  container: Box;
  cargo: Box;
  motor: Box | null;
}

/** `plane:0`, `areal`, `bound`, `steel`, `material` or `heat`. */
export type Name = string;

// Effective atomic numbers of water and of iron: from all organic to all metal.
const ORGANIC = 7.5;
const METAL = 26;

export class Scan {
  readonly grid: Grid;
  private readonly kept = new Map<string, Promise<Fetched>>();

  private constructor(
    readonly href: string,
    readonly about: About,
    private readonly workshop: Workshop,
  ) {
    this.grid = new Grid(about.rows, about.columns, about.pixel_pitch_m);
  }

  /** Throws `Refusal`. href: `/v1/assessments/{id}`. */
  static async open(href: string, workshop: Workshop): Promise<Scan> {
    return new Scan(href, await ask<About>(`${href}/scan/planes`), workshop);
  }

  /** Whether grey values are a measurement, and not a vendor's picture. */
  get measured(): boolean {
    return this.about.degraded.length === 0;
  }

  /** Whether something tells materials apart: two energies, or the scanner's own plane. */
  get sorted(): boolean {
    return this.measured && (this.about.planes.length > 1 || this.about.material !== null);
  }

  /** The numbers of one name; a failure is not kept. filter: of planes only. */
  numbers(name: Name, filter: Filter | null = null, told: Told = () => {}): Promise<Fetched> {
    const key = filter ? `${name}/${filter}` : name;
    const found = this.kept.get(key);
    if (found) return found;
    const made = filter ? this.filtered(name, filter, told) : this.fetched(name, told);
    this.kept.set(key, made);
    made.catch(() => this.kept.delete(key));
    return made;
  }

  /** Share of steel in 256 steps, from two energies or from the scanner's own plane. */
  async shares(told: Told = () => {}): Promise<readonly Level[]> {
    if (this.about.planes.length > 1) return (await this.numbers("steel", null, told)).picture.levels;
    const { step, levels } = (await this.numbers("material", null, told)).picture;
    const whole = levels[0] as Level;
    const lookup = new Uint8Array(65536);
    for (let value = 0; value < 65536; value++) {
      lookup[value] = Math.round(
        255 * Math.min(1, Math.max(0, (value * step - ORGANIC) / (METAL - ORGANIC))),
      );
    }
    const made = new Uint8Array(whole.values.length);
    for (let at = 0; at < made.length; at++) made[at] = lookup[whole.values[at] as number] as number;
    return pyramid({ ...whole, values: made });
  }

  private async filtered(name: Name, filter: Filter, told: Told): Promise<Fetched> {
    const { picture } = await this.numbers(name);
    const made = await this.workshop.filter(picture.levels[0] as Level, filter, this.about.container, told);
    return { picture: { ...picture, levels: made.levels } as Picture, counts: made.counts };
  }

  private fetched(name: Name, told: Told): Promise<Fetched> {
    const href = this.address(name);
    if (!href) return Promise.reject(new RangeError(`the scan has no ${name}`));
    return this.workshop.fetch(href, name === "heat" ? undefined : this.about.container, told);
  }

  private address(name: Name): string | null | undefined {
    const { planes, layers, material, heatmap } = this.about;
    if (name === "material") return material;
    if (name === "heat") return heatmap;
    if (name.startsWith("plane:")) return planes[Number(name.slice(6))]?.href;
    return layers.find(({ layer }) => layer === name)?.href;
  }
}
