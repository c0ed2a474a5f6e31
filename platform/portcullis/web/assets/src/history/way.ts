/** Lines between places on the globe, such that a flat map draws them the short way round. */

/** Longitude and latitude in degrees, east and north positive; longitude may pass 180. */
export type Point = [number, number];

const RAD = Math.PI / 180;

/** Points along the great circle, both ends included; longitudes as atan2 gives them. */
export function greatCircle(start: Point, end: Point, steps = 64): Point[] {
  const [a, b] = [unit(start), unit(end)];
  const dot = Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  const angle = Math.acos(dot);
  if (angle < 1e-9) return [start, end];
  const found: Point[] = [];
  for (let i = 0; i <= steps; i++) {
    const [p, q] = [
      Math.sin((1 - i / steps) * angle) / Math.sin(angle),
      Math.sin((i / steps) * angle) / Math.sin(angle),
    ];
    const [x, y, z] = [0, 1, 2].map((n) => p * (a[n] ?? 0) + q * (b[n] ?? 0)) as [number, number, number];
    found.push([Math.atan2(y, x) / RAD, Math.atan2(z, Math.hypot(x, y)) / RAD]);
  }
  return found;
}

/**
 * The same points without a jump at the antimeridian: each longitude is moved by whole turns until it lies within
 * 180 degrees of the one before. The last point keeps its own longitude, so that all ways end at one place.
 */
export function unrolled(points: readonly Point[]): Point[] {
  const found: Point[] = [];
  for (const [east, north] of points.toReversed()) {
    const last = found.at(-1);
    const turns = last ? Math.round((last[0] - east) / 360) : 0;
    found.push([east + turns * 360, north]);
  }
  return found.reverse();
}

/** A way through several places, unrolled as one; answers with the line of each part. */
export function wayThrough(stops: readonly Point[]): Point[][] {
  const arcs = stops.slice(1).map((end, i) => greatCircle(stops[i] as Point, end));
  const whole = unrolled(arcs.flat());
  const parts: Point[][] = [];
  let from = 0;
  for (const arc of arcs) {
    parts.push(whole.slice(from, from + arc.length));
    from += arc.length;
  }
  return parts;
}

function unit([east, north]: Point): [number, number, number] {
  const [l, p] = [east * RAD, north * RAD];
  return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)];
}
