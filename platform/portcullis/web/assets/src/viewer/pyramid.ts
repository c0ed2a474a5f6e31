/** A picture in ever smaller sizes, each half of the one before: zoomed out, means are shown and not every n-th pixel. */
import type { Numbers, Raster } from "./raster";

export interface Level {
  rows: number;
  columns: number;
  values: Numbers;
}

const SMALLEST = 64;

/** All sizes, the picture itself first. */
export function pyramid({ rows, columns, values }: Level): Level[] {
  const levels: Level[] = [{ rows, columns, values }];
  for (;;) {
    const last = levels[levels.length - 1] as Level;
    if (Math.max(last.rows, last.columns) <= SMALLEST || Math.min(last.rows, last.columns) < 4) return levels;
    levels.push(halved(last));
  }
}

/** Means of two by two pixels; a last odd row or column counts twice. */
export function halved({ rows, columns, values }: Level): Level {
  const down = (rows + 1) >> 1;
  const across = (columns + 1) >> 1;
  const made = values instanceof Uint16Array ? new Uint16Array(down * across) : new Uint8Array(down * across);
  for (let row = 0; row < down; row++) {
    const upper = 2 * row * columns;
    const lower = Math.min(2 * row + 1, rows - 1) * columns;
    for (let column = 0; column < across; column++) {
      const left = 2 * column;
      const right = Math.min(left + 1, columns - 1);
      const sum =
        (values[upper + left] as number) +
        (values[upper + right] as number) +
        (values[lower + left] as number) +
        (values[lower + right] as number);
      made[row * across + column] = (sum + 2) >> 2;
    }
  }
  return { rows: down, columns: across, values: made };
}

/** How often each number occurs within a box: 65536 counts, of at most about a million pixels. */
export function histogram(
  { columns, values, rows }: Level,
  box = [0, 0, rows, columns],
): Uint32Array<ArrayBuffer> {
  const counts = new Uint32Array(65536);
  const [top = 0, left = 0, bottom = rows, right = columns] = box;
  const every = Math.max(1, Math.floor(Math.sqrt(((bottom - top) * (right - left)) / 1e6)));
  for (let row = top; row < bottom; row += every) {
    for (let at = row * columns + left; at < row * columns + right; at += every) {
      const value = values[at] as number;
      counts[value] = (counts[value] as number) + 1;
    }
  }
  return counts;
}

/** A raster with its smaller sizes. */
export interface Picture extends Omit<Raster, "values"> {
  levels: Level[];
}
