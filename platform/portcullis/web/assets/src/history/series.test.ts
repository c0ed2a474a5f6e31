import { describe, expect, it } from "vitest";
import { complete, figure, type Measured, type Month, monthsBetween, runs, values } from "./series";

const of = (value: number | null, low: number | null = null, high: number | null = null): Measured => ({
  value,
  low,
  high,
  outside: "",
});
const month = (name: string, price: Measured): Month => ({
  month: name,
  flagged: false,
  price,
  freight: of(null),
  weight: of(null),
});

describe("a series", () => {
  it("has every month of its time, also those without trade, up to that of the declaration", () => {
    const found = complete([month("2024-11", of(5)), month("2025-01", of(6))], "2025-02");
    expect(found.map((each) => each.month)).toEqual(["2024-11", "2024-12", "2025-01", "2025-02"]);
    expect(values(found, "price", false)).toEqual([5, null, 6, null]);
    expect(monthsBetween("2025-02", "2025-01")).toEqual([]);
    expect(complete([], "2025-01")).toEqual([]);
  });

  it("has its band in runs, and a gap where nothing is expected", () => {
    const found = [of(1, 1, 2), of(1, 1, 3), of(1), of(1, 0, 4)].map((each, i) =>
      month(`2025-0${i + 1}`, each),
    );
    expect(runs(found, "price", false)).toEqual([
      [
        [0, 1, 2],
        [1, 1, 3],
      ],
      [[3, 0, 4]],
    ]);
  });

  it("shows nothing at or below zero on a logarithmic axis, and cuts a band there", () => {
    const found = [of(0, 0, 2), of(4, -1, 0), of(0.5, 0.2, 1)].map((each, i) =>
      month(`2025-0${i + 1}`, each),
    );
    expect(values(found, "price", true)).toEqual([null, 4, 0.5]);
    expect(runs(found, "price", true)).toEqual([[[0, 0.2, 2]], [[2, 0.2, 1]]]);
  });

  it("tells a missing value from zero", () => {
    expect([figure(""), figure(undefined), figure("0"), figure("1.5e-3"), figure("NaN")]).toEqual([
      null,
      null,
      0,
      0.0015,
      null,
    ]);
  });
});
