/** What a place, a length or a region of the scan is, in words. */
import { language } from "../common/words";
import type { Pixel } from "./grid";
import { distance, weigh } from "./probe";
import type { Level } from "./pyramid";
import type { Scan } from "./scan";
import type { Shape } from "./shape";
import { say } from "./words";

/** Layers that were fetched, or not yet. */
export interface Layers {
  plane: Level | null;
  areal: Level | null;
  bound: Level | null;
  step: number;
}

export function number(value: number, digits = 1): string {
  return value.toLocaleString(language(), { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

/** Why the grey values of a scan are no measurement, "" where they are one. */
export function refusal(scan: Scan): string {
  if (scan.measured) return "";
  const why = scan.about.degraded.map((reason) =>
    reason === "8-bit" || reason === "pseudo-colour" ? say(reason) : reason,
  );
  return say("refused", { why: why.join(", ") });
}

/** One place: where it is, and everything known there. */
export function placeWords(scan: Scan, [column, row]: Pixel, layers: Layers): string {
  const { grid, about } = scan;
  const [c, r] = [Math.floor(column), Math.floor(row)];
  if (c < 0 || r < 0 || c >= grid.columns || r >= grid.rows) return say("outside");
  const [, left, bottom] = about.container;
  const where = grid.pitch
    ? say("metres", { x: number((column - left) * grid.across, 2), y: number((bottom - row) * grid.down, 2) })
    : say("pixels", { x: c, y: r });
  const at = r * grid.columns + c;
  const words = [where];
  if (layers.plane) {
    const share = (layers.plane.values[at] as number) / 65535;
    const percent = number(100 * share, share < 0.01 ? 3 : 1);
    if (!scan.measured) words.push(say("grey", { t: percent }));
    else {
      words.push(say("transmission", { t: percent }));
      words.push(say("depth", { a: share > 0 ? number(-Math.log(share), 2) : "> 11" }));
    }
  }
  if (layers.areal && layers.bound && scan.measured) {
    const dense = number((layers.areal.values[at] as number) * layers.step);
    words.push(say(layers.bound.values[at] ? "least" : "dense", { d: dense }));
  }
  return words.join(" · ");
}

/** The label at a shape. */
export function shapeLabel(scan: Scan, shape: Shape): string {
  if (shape.kind !== "ruler") return "";
  const long = distance(shape.a, shape.b, scan.grid.pitch);
  return scan.grid.pitch ? say("length", { n: number(long, 2) }) : `${number(long, 0)} px`;
}

/** Facts about a finished shape: term and value each, and notes below. */
export function shapeFacts(
  scan: Scan,
  shape: Shape,
  layers: Layers,
): { facts: [string, string][]; notes: string[] } {
  const { pitch } = scan.grid;
  if (shape.kind === "ruler") {
    const long = distance(shape.a, shape.b, pitch);
    return {
      facts: [
        [
          say("ruled"),
          pitch ? say("length", { n: number(long, 2) }) : say("lengthPixels", { n: number(long, 0) }),
        ],
      ],
      notes: [],
    };
  }
  const why = refusal(scan);
  if (why || !layers.areal || !layers.bound) return { facts: [], notes: why ? [why] : [] };
  const found = weigh(layers.areal, layers.bound, layers.step, shape.box, pitch);
  const some = found.bound > 0;
  const facts: [string, string][] = [
    [say("mean"), say(some ? "densityAtLeast" : "density", { n: number(found.mean) })],
    [say("range"), say("density", { n: `${number(found.least)}–${number(found.most)}` })],
    [
      say("mass"),
      found.mass === null
        ? say("noMass")
        : say(some ? "atLeast" : "kilograms", { n: number(found.mass, found.mass < 10 ? 1 : 0) }),
    ],
    [
      say("area"),
      found.area === null
        ? say("count", { n: number(found.pixels, 0) })
        : say("square", { n: number(found.area, 2) }),
    ],
  ];
  const notes = [say("beam")];
  if (found.bound > 0.999) notes.push(say("allBound"));
  else if (some) notes.push(say("bound", { p: number(Math.max(0.1, 100 * found.bound)) }));
  return { facts, notes };
}
