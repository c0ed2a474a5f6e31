/** From a number to a grey: scale (linear or −ln T), window, gamma, inversion. */
import { attenuations } from "./filters";

/** What the numbers are: transmission (more is brighter) or a measure (more is darker, as more goods are). */
export type Measure = "transmission" | "amount";

/** low, high: the window on a scale from 0, darkest, to 1, brightest. */
export interface Tone {
  low: number;
  high: number;
  log: boolean;
  invert: boolean;
  gamma: number;
}

export const NARROWEST = 0.002;
const DEEPEST = Math.log(65535);
const STEPS = 1024;

/** Where each number lies on the scale. */
export function positions(measure: Measure, log: boolean): Float32Array {
  const found = new Float32Array(65536);
  for (let value = 0; value < 65536; value++) {
    if (measure === "amount") found[value] = 1 - value / 65535;
    else found[value] = log ? 1 - (attenuations[value] as number) / DEEPEST : value / 65535;
  }
  return found;
}

/** The grey, 0 to 255, of every number; written into `greys`. */
export function shade(greys: Uint8Array, place: Float32Array, tone: Tone): void {
  const curve = new Uint8Array(STEPS + 1);
  for (let step = 0; step <= STEPS; step++) {
    const grey = Math.round(255 * (step / STEPS) ** (1 / tone.gamma));
    curve[step] = tone.invert ? 255 - grey : grey;
  }
  const times = STEPS / Math.max(tone.high - tone.low, 1e-6);
  const low = tone.low;
  for (let value = 0; value < 65536; value++) {
    const step = ((place[value] as number) - low) * times + 0.5;
    greys[value] = curve[step <= 0 ? 0 : step >= STEPS ? STEPS : step | 0] as number;
  }
}

/** The window from one percentile of the pixels to another. */
export function window(
  counts: Uint32Array,
  place: Float32Array,
  from: number,
  to: number,
): { low: number; high: number } {
  let total = 0;
  for (const count of counts) total += count;
  let below = 0;
  let first = -1;
  let last = 65535;
  for (let value = 0; value < 65536; value++) {
    below += counts[value] as number;
    if (first < 0 && below > from * total) first = value;
    if (below >= to * total) {
      last = value;
      break;
    }
  }
  const ends = [place[Math.max(first, 0)] as number, place[last] as number];
  return held(Math.min(...ends), Math.max(...ends));
}

/** A window that is no narrower than can be seen and does not leave the scale. */
export function held(low: number, high: number): { low: number; high: number } {
  const wide = Math.min(Math.max(high - low, NARROWEST), 1);
  const middle = Math.min(Math.max((low + high) / 2, wide / 2), 1 - wide / 2);
  return { low: middle - wide / 2, high: middle + wide / 2 };
}

/** The same window on the other scale of transmission. */
export function rescaled(tone: Tone, log: boolean): Tone {
  if (log === tone.log) return tone;
  const move = (at: number) =>
    log ? 1 + Math.log(Math.max(at, 1 / 65535)) / DEEPEST : Math.exp(-(1 - at) * DEEPEST);
  return { ...tone, ...held(move(tone.low), move(tone.high)), log };
}

/** −ln T or T at a place of the scale, for people. */
export function transmissionAt(at: number, log: boolean): number {
  return log ? (1 - at) * DEEPEST : at;
}
