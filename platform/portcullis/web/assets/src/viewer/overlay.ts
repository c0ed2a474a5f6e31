/** What lies over the scan: odd places from yellow to red, and stripes where nothing came through. */
import type { Affine } from "./grid";
import type { Level } from "./pyramid";
import type { Box } from "./raster";
import { sample, spans } from "./sampling";

interface Over {
  levels: readonly Level[];
  box: Box;
}

// Below this share of the scale a place is as usual, and stays clear.
const USUAL = 0.35;
const PERIOD = 9; // screen pixels from stripe to stripe

export class Overlay {
  readonly canvas = document.createElement("canvas");
  heat: Over | null = null;
  opacity = 0.6;
  blind: Over | null = null;
  private readonly pen = this.canvas.getContext("2d") as CanvasRenderingContext2D;

  draw(affine: Affine, width: number, height: number): void {
    const { canvas, pen } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    if (!this.blind && (!this.heat || this.opacity === 0)) {
      pen.clearRect(0, 0, width, height);
      return;
    }
    const image = pen.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const values = new Uint8Array(width * height);
    if (this.heat && this.opacity > 0) {
      const seen = spans(affine, width, height, this.heat.box);
      sample(this.heat.levels, this.heat.box, affine, width, seen, values);
      const glow = glowing(this.opacity);
      each(seen, width, (at) => {
        pixels[at] = glow[values[at] as number] as number;
      });
    }
    if (this.blind) {
      const seen = spans(affine, width, height, this.blind.box);
      sample(this.blind.levels, this.blind.box, affine, width, seen, values);
      each(seen, width, (at) => {
        if ((values[at] as number) < 128) return;
        const stripe = ((at % width) + Math.floor(at / width)) % PERIOD;
        // an amber stripe with a dark edge is seen on black and on white
        if (stripe < 2) pixels[at] = 0xe620b4ff;
        else if (stripe === 2) pixels[at] = 0xb0000000;
      });
    }
    pen.putImageData(image, 0, 0);
  }
}

function each({ first, end }: ReturnType<typeof spans>, width: number, act: (at: number) => void): void {
  for (let row = 0; row < first.length; row++) {
    const to = row * width + (end[row] as number);
    for (let at = row * width + (first[row] as number); at < to; at++) act(at);
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
