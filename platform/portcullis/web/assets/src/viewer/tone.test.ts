import { describe, expect, it } from "vitest";
import { attenuations } from "./filters";
import { held, positions, rescaled, shade, transmissionAt, window } from "./tone";

const tone = { low: 0.2, high: 0.6, log: false, invert: false, gamma: 1 };

describe("a tone", () => {
  it("is black below its window, white above it and even between", () => {
    const greys = new Uint8Array(65536);
    shade(greys, positions("transmission", false), tone);
    expect([greys[0], greys[Math.round(0.19 * 65535)], greys[Math.round(0.61 * 65535)]]).toEqual([0, 0, 255]);
    expect(greys[Math.round(0.4 * 65535)]).toBeCloseTo(128, -0.5);
  });

  it("turns round when it is inverted, and amounts are dark where there is much", () => {
    const [plain, turned] = [new Uint8Array(65536), new Uint8Array(65536)];
    shade(plain, positions("amount", false), { ...tone, low: 0, high: 1 });
    shade(turned, positions("amount", false), { ...tone, low: 0, high: 1, invert: true });
    expect([plain[0], plain[65535], turned[0], turned[65535]]).toEqual([255, 0, 0, 255]);
  });

  it("keeps its ends when the scale changes from linear to logarithmic and back", () => {
    const there = rescaled(tone, true);
    expect(transmissionAt(there.low, true)).toBeCloseTo(-Math.log(0.2), 3);
    const back = rescaled(there, false);
    expect([back.low, back.high]).toEqual([expect.closeTo(0.2, 3), expect.closeTo(0.6, 3)]);
  });

  it("finds the window between percentiles whichever way the scale runs", () => {
    const counts = new Uint32Array(65536);
    for (let value = 1000; value < 2000; value++) counts[value] = 1;
    const linear = window(counts, positions("transmission", false), 0.1, 0.9);
    expect(linear.low * 65535).toBeCloseTo(1100, -1);
    expect(linear.high * 65535).toBeCloseTo(1899, -1);
    const amount = window(counts, positions("amount", false), 0.1, 0.9);
    expect(amount.low).toBeCloseTo(1 - 1899 / 65535, 3);
  });

  it("never leaves the scale and never becomes a step", () => {
    expect(held(0.9, 1.3)).toEqual({ low: expect.closeTo(0.6, 6), high: expect.closeTo(1, 6) });
    const { low, high } = held(0.5, 0.5);
    expect(high - low).toBeCloseTo(0.002, 6);
  });

  it("measures attenuation as physics does", () => {
    expect(attenuations[65535]).toBeCloseTo(0, 6);
    expect(attenuations[Math.round(65535 * Math.exp(-3))]).toBeCloseTo(3, 3);
  });
});
