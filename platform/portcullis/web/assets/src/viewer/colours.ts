/** Tables of colours, made here from lightness, chroma and hue: lightness rises evenly, so that order is seen. */

export type MapName = "grey" | "iron" | "lagoon" | "viridian";
export type Strip = "none" | "organic" | "metal";

type Triple = readonly [number, number, number];

/** Lightness 0…1, chroma, hue in degrees (OKLCh), evenly spaced from dark to bright. */
const STOPS: Record<Exclude<MapName, "grey">, readonly Triple[]> = {
  iron: [
    [0.08, 0.02, 300],
    [0.29, 0.14, 305],
    [0.5, 0.18, 355],
    [0.71, 0.16, 50],
    [0.97, 0.06, 100],
  ],
  lagoon: [
    [0.1, 0.03, 280],
    [0.31, 0.1, 265],
    [0.53, 0.1, 235],
    [0.74, 0.09, 195],
    [0.97, 0.04, 150],
  ],
  viridian: [
    [0.12, 0.05, 310],
    [0.32, 0.1, 280],
    [0.53, 0.09, 200],
    [0.74, 0.14, 150],
    [0.95, 0.16, 108],
  ],
};
// the colours that the trade is used to: organic orange, mixed green, metal blue
const HUES = [62, 145, 258] as const;
const PALE = 0.9;

/** 256 colours from dark to bright, as pixels of an ImageData (little-endian RGBA). */
export function palette(name: MapName): Uint32Array<ArrayBuffer> {
  const made = new Uint32Array(256);
  for (let grey = 0; grey < 256; grey++) {
    made[grey] = name === "grey" ? packed(grey, grey, grey) : between(STOPS[name], grey / 255);
  }
  return made;
}

/** 256 × 256 colours: index (share of steel << 8) | grey. Without material every row is the palette. */
export function table(name: MapName, material: boolean, strip: Strip): Uint32Array<ArrayBuffer> {
  const made = new Uint32Array(65536);
  const plain = palette(name);
  for (let share = 0; share < 256; share++) {
    const steel = share / 255;
    const gone = strip === "none" ? 0 : rise(0.35, 0.65, strip === "organic" ? 1 - steel : steel);
    for (let grey = 0; grey < 256; grey++) {
      const colour = material ? ofMaterial(steel, grey / 255) : (plain[grey] as number);
      made[(share << 8) | grey] = gone > 0 ? faded(colour, gone) : colour;
    }
  }
  return made;
}

/** Lightness of a packed colour, 0…1 (OKLab). */
export function lightness(colour: number): number {
  const [r, g, b] = [0, 8, 16].map((shift) => linear(((colour >> shift) & 255) / 255)) as unknown as Triple;
  return (
    0.2104542553 * Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) +
    0.793617785 * Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) -
    0.0040720468 * Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  );
}

function between(stops: readonly Triple[], at: number): number {
  const place = at * (stops.length - 1);
  const i = Math.min(Math.floor(place), stops.length - 2);
  const share = place - i;
  const [low, high] = [stops[i], stops[i + 1]] as [Triple, Triple];
  const turn = ((high[2] - low[2] + 540) % 360) - 180; // the shorter way round
  return oklch(
    low[0] + (high[0] - low[0]) * share,
    low[1] + (high[1] - low[1]) * share,
    low[2] + turn * share,
  );
}

function ofMaterial(steel: number, bright: number): number {
  const [organic, mixed, metal] = HUES;
  const hue =
    steel < 0.5 ? organic + (mixed - organic) * 2 * steel : mixed + (metal - mixed) * (2 * steel - 1);
  // no colour in black and in air, most of it in between
  return oklch(0.06 + 0.92 * bright, 0.15 * Math.min(1, 4 * bright * (1 - bright)), hue);
}

function faded(colour: number, gone: number): number {
  const mix = (c: number) => Math.round(c + (255 * PALE + 0.1 * c - 0.1 * 255 * PALE - c) * gone);
  return packed(mix(colour & 255), mix((colour >> 8) & 255), mix((colour >> 16) & 255));
}

function rise(from: number, to: number, at: number): number {
  const share = Math.min(1, Math.max(0, (at - from) / (to - from)));
  return share * share * (3 - 2 * share);
}

/** OKLCh to sRGB; a colour outside of it loses chroma and keeps its lightness. */
function oklch(light: number, chroma: number, hue: number): number {
  for (let kept = chroma; ; kept *= 0.9) {
    const a = kept * Math.cos((hue * Math.PI) / 180);
    const b = kept * Math.sin((hue * Math.PI) / 180);
    const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
    const rgb = [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ];
    if (kept < 0.002 || rgb.every((c) => c >= -0.0005 && c <= 1.0005)) {
      return packed(
        ...(rgb.map((c) => Math.round(255 * gammaed(Math.min(1, Math.max(0, c))))) as unknown as Triple),
      );
    }
  }
}

function gammaed(c: number): number {
  return c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055;
}

function linear(c: number): number {
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

function packed(red: number, green: number, blue: number): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
