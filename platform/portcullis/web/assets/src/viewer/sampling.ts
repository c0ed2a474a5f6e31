/** What of a picture is on the screen: numbers resampled to the screen's pixels, and of each row from where to where. */
import type { Affine } from "./grid";
import type { Level } from "./pyramid";
import type { Box } from "./raster";

/** first, end: of every row of the screen the pixels that lie on the scan. */
export interface Spans {
  first: Int32Array;
  end: Int32Array;
}

// A pixel of the scan larger than this on the screen is shown as the square that it is.
const SQUARE = 5;

/** Screen pixels of each row that lie within a box of the scan. */
export function spans(affine: Affine, width: number, height: number, box: Box): Spans {
  const first = new Int32Array(height);
  const end = new Int32Array(height);
  const [top, left, bottom, right] = box;
  for (let j = 0; j < height; j++) {
    const x = affine.x0 + 0.5 * affine.xi + (j + 0.5) * affine.xj;
    const y = affine.y0 + 0.5 * affine.yi + (j + 0.5) * affine.yj;
    const [a, b] = meet(x, affine.xi, left, right, width);
    const [c, d] = meet(y, affine.yi, top, bottom, width);
    first[j] = Math.max(a, c);
    end[j] = Math.max(Math.max(a, c), Math.min(b, d));
  }
  return { first, end };
}

/** The i for which low <= start + i·step < high. */
function meet(start: number, step: number, low: number, high: number, most: number): [number, number] {
  if (Math.abs(step) < 1e-12) return start >= low && start < high ? [0, most] : [0, 0];
  const [from, to] = [(low - start) / step, (high - start) / step];
  const first = Math.ceil(Math.min(from, to) - 1e-9);
  const end = Math.ceil(Math.max(from, to) - 1e-9);
  return [Math.max(0, Math.min(first, most)), Math.max(0, Math.min(end, most))];
}

/** The level of a pyramid whose pixels are about as large as the screen's. */
export function levelFor(levels: readonly unknown[], affine: Affine): number {
  const size = Math.min(Math.hypot(affine.xi, affine.xj), Math.hypot(affine.yi, affine.yj));
  return Math.max(0, Math.min(levels.length - 1, Math.round(Math.log2(Math.max(size, 1e-6)) - 0.2)));
}

/** Whether pixels are shown as squares. */
export function squares(affine: Affine): boolean {
  return Math.max(Math.hypot(affine.xi, affine.yi), Math.hypot(affine.xj, affine.yj)) * SQUARE < 1;
}

/**
 * Numbers at the screen's pixels, into `out` (row by row, `width` each), between neighbours in proportion.
 * box: the pixels of the scan that the picture covers; outside of the spans `out` stays as it was.
 */
export function sample(
  levels: readonly Level[],
  box: Box,
  affine: Affine,
  width: number,
  { first, end }: Spans,
  out: Uint8Array | Uint16Array,
): void {
  const [top, left, bottom, right] = box;
  const level = levels[levelFor(levels, affine)] as Level;
  const { rows, columns, values } = level;
  const kx = columns / (right - left);
  const ky = rows / (bottom - top);
  const nearest = squares(affine);
  const stepX = affine.xi * kx;
  const stepY = affine.yi * ky;
  if (!nearest && straight(affine)) {
    upright(level, affine, [kx, ky], box, width, { first, end }, out);
    return;
  }
  for (let j = 0; j < first.length; j++) {
    const from = first[j] as number;
    const to = end[j] as number;
    let x = (affine.x0 + (from + 0.5) * affine.xi + (j + 0.5) * affine.xj - left) * kx;
    let y = (affine.y0 + (from + 0.5) * affine.yi + (j + 0.5) * affine.yj - top) * ky;
    let at = j * width + from;
    if (nearest) {
      for (let i = from; i < to; i++, at++, x += stepX, y += stepY) {
        const column = x < 0 ? 0 : x >= columns ? columns - 1 : x | 0;
        const row = y < 0 ? 0 : y >= rows ? rows - 1 : y | 0;
        out[at] = values[row * columns + column] as number;
      }
      continue;
    }
    x -= 0.5;
    y -= 0.5;
    for (let i = from; i < to; i++, at++, x += stepX, y += stepY) {
      const column = x <= 0 ? 0 : x >= columns - 1 ? columns - 1 : x | 0;
      const row = y <= 0 ? 0 : y >= rows - 1 ? rows - 1 : y | 0;
      const wx = x <= 0 ? 0 : x - column;
      const wy = y <= 0 ? 0 : y - row;
      const here = row * columns + column;
      const beside = column < columns - 1 ? 1 : 0;
      const below = row < rows - 1 ? columns : 0;
      const a = values[here] as number;
      const b = values[here + below] as number;
      const upper = a + ((values[here + beside] as number) - a) * wx;
      const lower = b + ((values[here + below + beside] as number) - b) * wx;
      out[at] = (upper + (lower - upper) * wy + 0.5) | 0;
    }
  }
}

/** Whether rows of the screen are rows of the scan: so it is unless it was turned. */
function straight(affine: Affine): boolean {
  return Math.abs(affine.xj) < 1e-9 * Math.abs(affine.xi) && Math.abs(affine.yi) < 1e-9 * Math.abs(affine.yj);
}

/** The same as `sample`, for scans that are not turned: where to look is worked out once for all rows. */
function upright(
  { rows, columns, values }: Level,
  affine: Affine,
  [kx, ky]: readonly [number, number],
  [top, left]: Box,
  width: number,
  { first, end }: Spans,
  out: Uint8Array | Uint16Array,
): void {
  const places = new Int32Array(width);
  const besides = new Int32Array(width);
  const parts = new Float64Array(width);
  for (let i = 0; i < width; i++) {
    const x = (affine.x0 + (i + 0.5) * affine.xi - left) * kx - 0.5;
    const column = Math.max(0, Math.min(columns - 1, Math.floor(x)));
    places[i] = column;
    besides[i] = Math.min(column + 1, columns - 1);
    parts[i] = Math.max(0, Math.min(1, x - column));
  }
  for (let j = 0; j < first.length; j++) {
    const y = (affine.y0 + (j + 0.5) * affine.yj - top) * ky - 0.5;
    const row = Math.max(0, Math.min(rows - 1, Math.floor(y)));
    const upper = row * columns;
    const lower = Math.min(row + 1, rows - 1) * columns;
    const down = Math.max(0, Math.min(1, y - row));
    const to = end[j] as number;
    for (let i = first[j] as number, at = j * width + i; i < to; i++, at++) {
      const here = places[i] as number;
      const beside = besides[i] as number;
      const across = parts[i] as number;
      const a = values[upper + here] as number;
      const b = values[lower + here] as number;
      const above = a + ((values[upper + beside] as number) - a) * across;
      const below = b + ((values[lower + beside] as number) - b) * across;
      out[at] = (above + (below - above) * down + 0.5) | 0;
    }
  }
}
