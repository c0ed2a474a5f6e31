import { describe, expect, it } from "vitest";
import { greatCircle, type Point, unrolled, wayThrough } from "./way";

const KOREA: Point = [127.8, 36.4];
const jumps = (points: Point[]) => points.slice(1).map(([east], i) => Math.abs(east - (points[i]?.[0] ?? 0)));

describe("a way on the map", () => {
  it("goes from the Americas over the Pacific without a jump, and ends in Korea", () => {
    const [line] = wayThrough([[-98, 39], KOREA]);
    expect(line?.at(-1)?.[0]).toBeCloseTo(127.8);
    expect(line?.[0]?.[0]).toBeCloseTo(262); // -98 and one turn: east of Korea
    expect(Math.max(...jumps(line ?? []))).toBeLessThan(30);
  });

  it("joins the parts of a way with a stop on either side of the antimeridian", () => {
    const parts = wayThrough([[-98, 39], [172, -41], KOREA]);
    expect(parts).toHaveLength(2);
    const [end, start] = [parts[0]?.at(-1)?.[0] ?? 0, parts[1]?.[0]?.[0] ?? 1];
    expect(end).toBeCloseTo(start, 6);
    expect(Math.max(...jumps(parts.flat()))).toBeLessThan(30);
  });

  it("takes the short way: over the north from Europe", () => {
    const middle = greatCircle([10, 51], KOREA, 2)[1];
    expect(middle?.[1]).toBeGreaterThan(55);
  });

  it("leaves a way that never meets the antimeridian as it is", () => {
    const plain: Point[] = [
      [100, 1],
      [110, 2],
      [120, 3],
    ];
    expect(unrolled(plain)).toEqual(plain);
    expect(greatCircle(KOREA, KOREA)).toEqual([KOREA, KOREA]);
  });
});
