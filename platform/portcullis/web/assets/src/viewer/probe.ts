/** What a place or a region of the scan weighs to the eye of the scanner. */
import type { Level } from "./pyramid";
import type { Box } from "./raster";

export interface Weighed {
  /** g/cm². */
  mean: number;
  least: number;
  most: number;
  /** kg of everything in the beam there, walls and floor included; null where the pixel size is unknown. */
  mass: number | null;
  /** m², null where the pixel size is unknown. */
  area: number | null;
  pixels: number;
  /** Share of its pixels whose density is only a lower bound. */
  bound: number;
}

const KG_PER_M2 = 10; // of one g/cm²

/** A region: areal density (`step` g/cm² each) and where that is only a lower bound. */
export function weigh(
  areal: Level,
  bound: Level,
  step: number,
  box: Box,
  pitch: readonly [number, number] | null,
): Weighed {
  const [top, left, bottom, right] = box;
  let sum = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  let bounds = 0;
  for (let row = top; row < bottom; row++) {
    for (let at = row * areal.columns + left; at < row * areal.columns + right; at++) {
      const value = areal.values[at] as number;
      sum += value;
      if (value < least) least = value;
      if (value > most) most = value;
      bounds += bound.values[at] ? 1 : 0;
    }
  }
  const pixels = (bottom - top) * (right - left);
  const one = pitch ? pitch[0] * pitch[1] : null;
  return {
    mean: (sum * step) / pixels,
    least: least * step,
    most: most * step,
    mass: one === null ? null : sum * step * one * KG_PER_M2,
    area: one === null ? null : pixels * one,
    pixels,
    bound: bounds / pixels,
  };
}

/** From one pixel to another, in metres; in pixels where their size is unknown. */
export function distance(
  a: readonly [number, number],
  b: readonly [number, number],
  pitch: readonly [number, number] | null,
): number {
  return Math.hypot((b[0] - a[0]) * (pitch?.[1] ?? 1), (b[1] - a[1]) * (pitch?.[0] ?? 1));
}
