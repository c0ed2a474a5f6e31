import { describe, expect, it } from "vitest";
import { equalized, sharpened } from "./filters";
import { distance, weigh } from "./probe";
import { regions } from "./regions";

describe("weighing a region", () => {
  const areal = { rows: 2, columns: 3, values: new Uint16Array([1000, 2000, 9999, 3000, 4000, 9999]) };
  const bound = { rows: 2, columns: 3, values: new Uint8Array([0, 0, 1, 0, 255, 1]) };

  it("sums areal density over the size of its pixels", () => {
    const found = weigh(areal, bound, 0.01, [0, 0, 2, 2], [0.02, 0.01]);
    expect([found.mean, found.least, found.most]).toEqual([25, 10, 40].map((n) => expect.closeTo(n, 9)));
    // 100 g/cm² over 2 cm² each: 200 g
    expect(found.mass).toBeCloseTo(0.2, 9);
    expect(found.area).toBeCloseTo(8e-4, 12);
    expect(found.bound).toBe(0.25);
  });

  it("knows no mass without the size of a pixel", () => {
    expect(weigh(areal, bound, 0.01, [0, 0, 1, 1], null).mass).toBeNull();
    expect(distance([0, 0], [3, 4], null)).toBe(5);
    expect(distance([0, 0], [300, 400], [0.02, 0.01])).toBeCloseTo(Math.hypot(3, 8), 9);
  });
});

describe("odd places", () => {
  const map = (marks: [number, number, number][]) => {
    const values = new Uint8Array(8 * 10);
    for (const [row, column, value] of marks) values[row * 10 + column] = value;
    return { rows: 8, columns: 10, box: [100, 200, 180, 400] as const, values };
  };

  it("are connected, put on the scan, and the oddest comes first", () => {
    const found = regions(
      map([
        [1, 1, 180],
        [1, 2, 200],
        [2, 3, 190],
        [6, 8, 250],
      ]),
    );
    expect(found.map(({ peak }) => peak)).toEqual([250, 200]);
    expect(found[0]?.box).toEqual([160, 360, 170, 380]);
    expect(found[1]?.box).toEqual([110, 220, 130, 280]);
  });

  it("are none where all is usual", () => {
    expect(regions(map([[1, 1, 120]]))).toEqual([]);
  });
});

describe("filters", () => {
  const plane = (at: (row: number, column: number) => number) => {
    const [rows, columns] = [256, 256];
    const values = Uint16Array.from({ length: rows * columns }, (_, i) =>
      Math.round(65535 * Math.exp(-at(Math.floor(i / columns), i % columns))),
    );
    return { rows, columns, values };
  };

  it("raises the step at an edge and leaves even goods as they are", () => {
    const made = sharpened(plane((_, column) => (column < 128 ? 1 : 2)));
    const row = 100 * 256;
    expect(made.values[row + 40] as number).toBeCloseTo(65535 * Math.exp(-1), -2);
    expect(made.values[row + 127] as number).toBeGreaterThan(1.1 * 65535 * Math.exp(-1));
    expect(made.values[row + 128] as number).toBeLessThan(0.9 * 65535 * Math.exp(-2));
  });

  it("raises faint contrast within dark goods, keeps its order, and limits it", () => {
    const faint = plane((row, column) => (column < 128 ? 0.3 : 5 + 0.05 * Math.sin(row / 4)));
    const made = equalized(faint);
    const of = (values: Uint16Array | Uint8Array, row: number) =>
      -Math.log((values[row * 256 + 230] as number) / 65535);
    const rows = [6, 19];
    const before = Math.abs(of(faint.values, rows[0] as number) - of(faint.values, rows[1] as number));
    const after = of(made.values, rows[0] as number) - of(made.values, rows[1] as number);
    expect(after).toBeGreaterThan(1.5 * before);
    expect(after).toBeLessThan(40 * before);
  });
});
