/** Pixels of a scan on a grid in metres (in pixels where their size is unknown), flipped as the officer wants. */
import type { Box } from "./raster";

/** column, row; fractions are places within a pixel. */
export type Pixel = readonly [number, number];
export type Place = [number, number];

/** From pixels of the screen to pixels of the scan: x = x0 + i·xi + j·xj, y = y0 + i·yi + j·yj. */
export interface Affine {
  x0: number;
  xi: number;
  xj: number;
  y0: number;
  yi: number;
  yj: number;
}

/** How the screen looks at the grid. size: width and height in pixels of CSS; ratio: screen pixels in one. */
export interface Sight {
  center: readonly number[];
  resolution: number;
  rotation: number;
  size: readonly number[];
  ratio: number;
}

export class Grid {
  flipAcross = false;
  flipDown = false;

  /** pitch: vertical, horizontal size of a pixel in metres; null: unknown. */
  constructor(
    readonly rows: number,
    readonly columns: number,
    readonly pitch: readonly [number, number] | null,
  ) {}

  get down(): number {
    return this.pitch?.[0] ?? 1;
  }

  get across(): number {
    return this.pitch?.[1] ?? 1;
  }

  get extent(): [number, number, number, number] {
    return [0, 0, this.columns * this.across, this.rows * this.down];
  }

  /** The place on the map of a place on the scan. */
  toMap([column, row]: Pixel): Place {
    return [
      (this.flipAcross ? this.columns - column : column) * this.across,
      (this.flipDown ? row : this.rows - row) * this.down,
    ];
  }

  /** The place on the scan of a place on the map. */
  toPixel(place: readonly number[]): [number, number] {
    const column = (place[0] as number) / this.across;
    const row = (place[1] as number) / this.down;
    return [this.flipAcross ? this.columns - column : column, this.flipDown ? row : this.rows - row];
  }

  /** The corners of a box on the map, closed. */
  ring([top, left, bottom, right]: Box): Place[] {
    const corners: Pixel[] = [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
      [left, top],
    ];
    return corners.map((corner) => this.toMap(corner));
  }

  /** A box that lies on the scan and has at least one pixel. */
  held(box: Box): Box {
    const [top, bottom] = within(box[0], box[2], this.rows);
    const [left, right] = within(box[1], box[3], this.columns);
    return [top, left, bottom, right];
  }

  affine({ center, resolution, rotation, size, ratio }: Sight): Affine {
    const at = (i: number, j: number): [number, number] => {
      const x = (i / ratio - (size[0] as number) / 2) * resolution;
      const y = ((size[1] as number) / 2 - j / ratio) * resolution;
      const cos = Math.cos(rotation);
      const sin = Math.sin(rotation);
      return this.toPixel([
        (center[0] as number) + x * cos - y * sin,
        (center[1] as number) + x * sin + y * cos,
      ]);
    };
    const [x, y] = at(0, 0);
    const [xi, yi] = at(1, 0);
    const [xj, yj] = at(0, 1);
    return { x0: x, xi: xi - x, xj: xj - x, y0: y, yi: yi - y, yj: yj - y };
  }
}

function within(from: number, to: number, most: number): [number, number] {
  const low = Math.max(0, Math.min(Math.round(Math.min(from, to)), most - 1));
  return [low, Math.max(low + 1, Math.min(Math.round(Math.max(from, to)), most))];
}
