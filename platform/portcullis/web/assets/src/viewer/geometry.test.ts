import { describe, expect, it } from "vitest";
import { type Affine, Grid } from "./grid";
import { halved, histogram, pyramid } from "./pyramid";
import { sample, spans } from "./sampling";

const sight = { center: [4, 1], resolution: 0.02, rotation: 0, size: [400, 100], ratio: 1 };

describe("a grid", () => {
  it("leads from the scan to the map and back, mirrored or not", () => {
    const grid = new Grid(100, 400, [0.02, 0.02]);
    for (const [across, down] of [
      [false, false],
      [true, false],
      [false, true],
    ]) {
      grid.flipAcross = across as boolean;
      grid.flipDown = down as boolean;
      const [column, row] = grid.toPixel(grid.toMap([37.5, 12.25]));
      expect([column, row]).toEqual([expect.closeTo(37.5, 9), expect.closeTo(12.25, 9)]);
    }
  });

  it("finds the pixel under the screen's, also when turned", () => {
    const grid = new Grid(100, 400, [0.02, 0.02]);
    const plain = grid.affine(sight);
    expect([plain.x0, plain.y0, plain.xi, plain.yj]).toEqual([0, 0, 1, 1].map((n) => expect.closeTo(n, 9)));
    const turned = grid.affine({ ...sight, rotation: Math.PI / 2 });
    // a quarter turn clockwise: going right on the screen goes up the scan
    expect([turned.xi, turned.yi]).toEqual([expect.closeTo(0, 9), expect.closeTo(-1, 9)]);
  });

  it("holds boxes on the scan and gives them at least a pixel", () => {
    const grid = new Grid(100, 400, null);
    expect(grid.held([90, 380, 130, 500])).toEqual([90, 380, 100, 400]);
    expect(grid.held([10, 10, 10, 10])).toEqual([10, 10, 11, 11]);
    expect(grid.held([50, 60, 20, 30])).toEqual([20, 30, 50, 60]);
  });
});

describe("sampling", () => {
  const same: Affine = { x0: 0, xi: 1, xj: 0, y0: 0, yi: 0, yj: 1 };
  const level = { rows: 3, columns: 4, values: Uint16Array.from({ length: 12 }, (_, i) => 100 * i) };

  it("gives the very numbers at one to one", () => {
    const out = new Uint16Array(12);
    const seen = spans(same, 4, 3, [0, 0, 3, 4]);
    sample([level], [0, 0, 3, 4], same, 4, seen, out);
    expect([...out]).toEqual([...level.values]);
  });

  it("leaves alone what lies beside the scan", () => {
    const out = new Uint16Array(24).fill(7);
    const moved = { ...same, x0: -2 };
    const seen = spans(moved, 6, 4, [0, 0, 3, 4]);
    sample([level], [0, 0, 3, 4], moved, 6, seen, out);
    expect([...out.slice(0, 6)]).toEqual([7, 7, 0, 100, 200, 300]);
    expect([...out.slice(18)]).toEqual([7, 7, 7, 7, 7, 7]);
  });

  it("goes between neighbours in proportion", () => {
    const fine = { ...same, xi: 0.25 };
    const out = new Uint16Array(16 * 3);
    sample([level], [0, 0, 3, 4], fine, 16, spans(fine, 16, 3, [0, 0, 3, 4]), out);
    expect(out[6]).toBeCloseTo(112, -1); // centre of the 7th screen pixel: 1.625 − 0.5 = 1.125 pixels
  });
});

describe("a pyramid", () => {
  it("halves to means and ends small", () => {
    const made = halved({ rows: 3, columns: 3, values: new Uint16Array([0, 4, 8, 4, 8, 12, 100, 100, 100]) });
    expect([made.rows, made.columns, ...made.values]).toEqual([2, 2, 4, 10, 100, 100]);
    const levels = pyramid({ rows: 1200, columns: 4000, values: new Uint16Array(4_800_000) });
    expect(levels.map(({ columns }) => columns)).toEqual([4000, 2000, 1000, 500, 250, 125, 63]);
  });

  it("counts numbers within a box", () => {
    const counts = histogram({ rows: 2, columns: 2, values: new Uint16Array([5, 5, 6, 7]) }, [0, 0, 1, 2]);
    expect([counts[5], counts[6]]).toEqual([2, 0]);
  });
});
