import { describe, expect, it } from "vitest";
import { lightness, palette, table } from "./colours";

describe("colour tables", () => {
  it.each(["grey", "iron", "lagoon", "viridian"] as const)("%s grows lighter with every step", (name) => {
    const light = [...palette(name)].map(lightness);
    for (let i = 4; i < 256; i++)
      expect(light[i] as number).toBeGreaterThan((light[i - 4] as number) + 0.002);
    expect((light[255] as number) - (light[0] as number)).toBeGreaterThan(0.75);
  });

  it("tells organic goods from metal by hue and keeps black and white without one", () => {
    const colours = table("grey", true, "none");
    const at = (share: number, grey: number) => {
      const c = colours[(share << 8) | grey] as number;
      return [c & 255, (c >> 8) & 255, (c >> 16) & 255] as const;
    };
    const [organic, metal] = [at(0, 120), at(255, 120)];
    expect(organic[0] - organic[2]).toBeGreaterThan(60); // orange
    expect(metal[2] - metal[0]).toBeGreaterThan(60); // blue
    for (const share of [0, 255])
      expect(Math.max(...at(share, 0)) - Math.min(...at(share, 0))).toBeLessThan(12);
  });

  it("takes one kind of material away and leaves the other as it is", () => {
    const plain = palette("grey");
    const stripped = table("grey", false, "organic");
    expect(stripped[(255 << 8) | 40]).toBe(plain[40]);
    expect(lightness(stripped[40] as number)).toBeGreaterThan(0.85);
  });
});
