/** Where a scan is odd: connected places of its heat-map, the oddest first. */
import type { Box, Raster } from "./raster";

export interface Region {
  /** On the scan. */
  box: Box;
  /** The highest value in it, 0…255. */
  peak: number;
}

const LEAST = 128; // half of the scale: less is hardly unusual
const SHARE = 0.6; // of the highest value
const MOST = 6;

/** Places above six tenths of the map's highest value (touching at a corner is touching); none where all is usual. */
export function regions({
  rows,
  columns,
  box,
  values,
}: Pick<Raster, "rows" | "columns" | "box" | "values">): Region[] {
  let highest = 0;
  for (const value of values) highest = Math.max(highest, value);
  if (highest < LEAST) return [];
  const threshold = Math.max(LEAST, SHARE * highest);
  const seen = new Uint8Array(values.length);
  const found: Region[] = [];
  for (let start = 0; start < values.length; start++) {
    if (seen[start] || (values[start] as number) < threshold) continue;
    found.push(grown(start));
  }
  return found.sort((a, b) => b.peak - a.peak).slice(0, MOST);

  function grown(start: number): Region {
    let [top, left, bottom, right, peak] = [rows, columns, 0, 0, 0];
    const waiting = [start];
    seen[start] = 1;
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const [row, column] = [Math.floor(at / columns), at % columns];
      [top, left] = [Math.min(top, row), Math.min(left, column)];
      [bottom, right] = [Math.max(bottom, row + 1), Math.max(right, column + 1)];
      peak = Math.max(peak, values[at] as number);
      for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, rows - 1); r++) {
        for (let c = Math.max(column - 1, 0); c <= Math.min(column + 1, columns - 1); c++) {
          const next = r * columns + c;
          if (seen[next] || (values[next] as number) < threshold) continue;
          seen[next] = 1;
          waiting.push(next);
        }
      }
    }
    const high = (box[2] - box[0]) / rows;
    const wide = (box[3] - box[1]) / columns;
    return {
      peak,
      box: [
        Math.floor(box[0] + top * high),
        Math.floor(box[1] + left * wide),
        Math.ceil(box[0] + bottom * high),
        Math.ceil(box[1] + right * wide),
      ],
    };
  }
}
