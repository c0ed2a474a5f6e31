/** What lies over the scan: odd places from yellow to red, and stripes where nothing came through. */
import type { Affine } from "./grid";
import type { Level } from "./pyramid";
import type { Box } from "./raster";
import { levelFor, sample, spans } from "./sampling";

interface Over {
  levels: readonly Level[];
  box: Box;
}

// Below this share of the scale a place is as usual, and stays clear.
const USUAL = 0.35;
const PERIOD = 9; // screen pixels from stripe to stripe
// An amber stripe with a dark edge is seen on black and on white.
const STRIPE = 0xe620b4ff;
const EDGE = 0xb0000000;

export class Overlay {
  readonly canvas = document.createElement("canvas");
  opacity = 0.6;
  blind: Over | null = null;
  private warm: Over | null = null;
  private readonly pen = this.canvas.getContext("2d") as CanvasRenderingContext2D;
  private image = this.pen.createImageData(1, 1);
  private pixels = new Uint32Array(1);
  private values = new Uint16Array(1);
  private clean = true;

  /** The heat-map: a coarse grid, of which no smaller sizes are needed. */
  set heat(found: Over | null) {
    const [whole] = found?.levels ?? [];
    // 16 bits, as the scan: the loops that sample both stay fast with one kind of numbers
    const wide = whole && { ...whole, values: Uint16Array.from(whole.values) };
    this.warm = found && wide ? { levels: [wide], box: found.box } : null;
  }

  draw(affine: Affine, width: number, height: number): void {
    const { canvas, pen } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      this.clean = true;
    }
    const heats = this.warm !== null && this.opacity > 0;
    if (!this.blind && !heats) {
      if (!this.clean) pen.clearRect(0, 0, width, height);
      this.clean = true;
      return;
    }
    this.clean = false;
    if (this.image.width !== width || this.image.height !== height) {
      this.image = pen.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.values = new Uint16Array(width * height);
    } else this.pixels.fill(0);
    if (this.warm && heats) this.glow(this.warm, affine, width, height);
    if (this.blind) this.hatch(this.blind, affine, width, height);
    pen.putImageData(this.image, 0, 0);
  }

  private glow({ levels, box }: Over, affine: Affine, width: number, height: number): void {
    const { pixels, values } = this;
    const { first, end } = spans(affine, width, height, box);
    sample(levels, box, affine, width, { first, end }, values);
    const colours = glowing(this.opacity);
    for (let row = 0; row < height; row++) {
      const to = row * width + (end[row] as number);
      for (let at = row * width + (first[row] as number); at < to; at++) {
        pixels[at] = colours[values[at] as number] as number;
      }
    }
  }

  private hatch({ levels, box }: Over, affine: Affine, width: number, height: number): void {
    const { pixels } = this;
    const { first, end } = spans(affine, width, height, box);
    const { rows, columns, values } = levels[levelFor(levels, affine)] as Level;
    const [kx, ky] = [columns / (box[3] - box[1]), rows / (box[2] - box[0])];
    for (let row = 0; row < height; row++) {
      const from = first[row] as number;
      const to = end[row] as number;
      let x = (affine.x0 + (from + 0.5) * affine.xi + (row + 0.5) * affine.xj - box[1]) * kx;
      let y = (affine.y0 + (from + 0.5) * affine.yi + (row + 0.5) * affine.yj - box[0]) * ky;
      for (let i = from; i < to; i++, x += affine.xi * kx, y += affine.yi * ky) {
        const column = x >= columns ? columns - 1 : x | 0;
        const line = y >= rows ? rows - 1 : y | 0;
        if (values[line * columns + column] === 0) continue;
        const stripe = (i + row) % PERIOD;
        if (stripe < 3) pixels[row * width + i] = stripe < 2 ? STRIPE : EDGE;
      }
    }
  }
}

function glowing(opacity: number): Uint32Array {
  const made = new Uint32Array(256);
  for (let value = 0; value < 256; value++) {
    const share = Math.max(0, (value / 255 - USUAL) / (1 - USUAL));
    const green = Math.round(210 * (1 - share));
    const alpha = Math.round(255 * opacity * Math.min(1, 0.25 + share)) * Number(share > 0);
    made[value] = ((alpha << 24) | (20 << 16) | (green << 8) | 235) >>> 0;
  }
  return made;
}
