/**
 * Filters over a plane of transmission (uint16). They work on −ln T, where goods add up, and give transmission
 * again, so that every window, scale and colour works on what they made as on the plane itself. For a worker.
 */
import type { Level } from "./pyramid";

export type Filter = "edges" | "local";
type Told = (share: number) => void;

const DEEPEST = Math.log(65535);
const BINS = 1024;
const TILE = 128; // pixels: about 2.5 m of a container at 2 cm
const CLIP = 3; // times the mean of a histogram: no contrast is raised more than that
const STRENGTH = 1.6;
const RADIUS = 2;

/** −ln T of every number that a pixel can have. */
export const attenuations = (() => {
  const table = new Float32Array(65536);
  for (let value = 0; value < 65536; value++) table[value] = Math.min(DEEPEST, -Math.log(value / 65535));
  return table;
})();

/** Transmission, uint16, of −ln T. */
function transmitted(attenuation: number): number {
  return Math.max(0, Math.min(65535, Math.round(65535 * Math.exp(-attenuation))));
}

/** One filter over a plane. */
export function filtered(plane: Level, filter: Filter, told: Told = () => {}): Level {
  return filter === "edges" ? sharpened(plane, told) : equalized(plane, told);
}

/** Unsharp mask: what differs from its surroundings differs more. */
export function sharpened({ rows, columns, values }: Level, told: Told = () => {}): Level {
  const deep = new Float32Array(values.length);
  for (let at = 0; at < deep.length; at++) deep[at] = attenuations[values[at] as number] as number;
  told(0.2);
  const soft = blurred(deep, rows, columns);
  told(0.7);
  const made = new Uint16Array(values.length);
  for (let at = 0; at < made.length; at++) {
    const here = deep[at] as number;
    made[at] = transmitted(here + STRENGTH * (here - (soft[at] as number)));
  }
  told(1);
  return { rows, columns, values: made };
}

/** Means over squares of 2 × RADIUS + 1 pixels, at the rim over what there is. */
function blurred(deep: Float32Array, rows: number, columns: number): Float32Array {
  const across = new Float32Array(deep.length);
  for (let row = 0; row < rows; row++) running(deep, across, row * columns, 1, columns);
  const both = new Float32Array(deep.length);
  for (let column = 0; column < columns; column++) running(across, both, column, columns, rows);
  return both;
}

function running(from: Float32Array, to: Float32Array, start: number, step: number, count: number): void {
  let sum = 0;
  let many = 0;
  for (let i = 0; i < Math.min(RADIUS, count); i++, many++) sum += from[start + i * step] as number;
  for (let i = 0; i < count; i++) {
    if (i + RADIUS < count) {
      sum += from[start + (i + RADIUS) * step] as number;
      many++;
    }
    if (i - RADIUS - 1 >= 0) {
      sum -= from[start + (i - RADIUS - 1) * step] as number;
      many--;
    }
    to[start + i * step] = sum / many;
  }
}

/** Contrast-limited adaptive equalization: every part of the picture uses the whole scale. */
export function equalized({ rows, columns, values }: Level, told: Told = () => {}): Level {
  const down = Math.max(1, Math.round(rows / TILE));
  const across = Math.max(1, Math.round(columns / TILE));
  const bins = new Uint16Array(65536);
  const range = span(values);
  for (let value = 0; value < 65536; value++) {
    const share = ((attenuations[value] as number) - range.low) / (range.high - range.low);
    bins[value] = Math.max(0, Math.min(BINS - 1, Math.floor(share * BINS)));
  }
  const maps: Float32Array[] = [];
  for (let i = 0; i < down; i++) {
    for (let j = 0; j < across; j++) {
      const box = [
        (i * rows) / down,
        (j * columns) / across,
        ((i + 1) * rows) / down,
        ((j + 1) * columns) / across,
      ];
      maps.push(ranks(values, columns, box.map(Math.floor), bins));
    }
    told((0.4 * (i + 1)) / down);
  }
  const back = new Uint16Array(BINS * 4 + 1);
  for (let i = 0; i < back.length; i++) {
    back[i] = transmitted(range.low + (i / (back.length - 1)) * (range.high - range.low));
  }
  const made = new Uint16Array(values.length);
  for (let row = 0; row < rows; row++) {
    const y = Math.max(0, Math.min(down - 1, ((row + 0.5) * down) / rows - 0.5));
    const i = Math.min(Math.floor(y), Math.max(down - 2, 0));
    const wy = y - i;
    const below = Math.min(i + 1, down - 1);
    for (let column = 0; column < columns; column++) {
      const x = Math.max(0, Math.min(across - 1, ((column + 0.5) * across) / columns - 0.5));
      const j = Math.min(Math.floor(x), Math.max(across - 2, 0));
      const wx = x - j;
      const beside = Math.min(j + 1, across - 1);
      const bin = bins[values[row * columns + column] as number] as number;
      const rank = (a: number, b: number) => (maps[a * across + b] as Float32Array)[bin] as number;
      const upper = rank(i, j) * (1 - wx) + rank(i, beside) * wx;
      const lower = rank(below, j) * (1 - wx) + rank(below, beside) * wx;
      made[row * columns + column] = back[Math.round((upper * (1 - wy) + lower * wy) * BINS * 4)] as number;
    }
    if (row % 64 === 0) told(0.4 + (0.6 * row) / rows);
  }
  told(1);
  return { rows, columns, values: made };
}

/** From where to where −ln T goes, without the outermost half per cent on each side. */
function span(values: Level["values"]): { low: number; high: number } {
  const counts = new Uint32Array(65536);
  const every = Math.max(1, Math.floor(values.length / 1e6));
  let total = 0;
  for (let at = 0; at < values.length; at += every, total++) {
    const value = values[at] as number;
    counts[value] = (counts[value] as number) + 1;
  }
  let below = 0;
  let dark = -1;
  let bright = 65535;
  for (let value = 0; value < 65536; value++) {
    below += counts[value] as number;
    if (dark < 0 && below >= 0.005 * total) dark = value;
    if (below >= 0.995 * total) {
      bright = value;
      break;
    }
  }
  const low = attenuations[bright] as number;
  return { low, high: Math.max(low + 0.05, attenuations[Math.max(dark, 0)] as number) };
}

/** Of each bin the share of a tile's pixels up to it, the histogram's peaks cut off and spread over all bins. */
function ranks(values: Level["values"], columns: number, box: number[], bins: Uint16Array): Float32Array {
  const [top = 0, left = 0, bottom = 0, right = 0] = box;
  const counts = new Float32Array(BINS);
  for (let row = top; row < bottom; row++) {
    for (let at = row * columns + left; at < row * columns + right; at++) {
      const bin = bins[values[at] as number] as number;
      counts[bin] = (counts[bin] as number) + 1;
    }
  }
  const total = Math.max(1, (bottom - top) * (right - left));
  const limit = (CLIP * total) / BINS;
  let excess = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const over = (counts[bin] as number) - limit;
    if (over > 0) {
      excess += over;
      counts[bin] = limit;
    }
  }
  const made = new Float32Array(BINS);
  let sum = 0;
  for (let bin = 0; bin < BINS; bin++) {
    sum += (counts[bin] as number) + excess / BINS;
    made[bin] = Math.min(1, sum / total);
  }
  return made;
}
