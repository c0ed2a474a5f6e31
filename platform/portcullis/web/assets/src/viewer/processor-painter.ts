/** Draws by the processor: numbers are resampled when the view changes, colours looked up when they change. */
import type { Affine } from "./grid";
import type { Painter, Shown } from "./painter";
import { type Spans, sample, spans } from "./sampling";

interface Sampled {
  affine: Affine;
  spans: Spans;
  values: Uint16Array;
  shares: Uint8Array | null;
  image: ImageData;
  pixels: Uint32Array;
}

export class ProcessorPainter implements Painter {
  readonly name = "processor";
  readonly canvas = document.createElement("canvas");
  private readonly pen = this.canvas.getContext("2d", {
    willReadFrequently: true,
  }) as CanvasRenderingContext2D;
  private shown: Shown | null = null;
  private greys: Uint8Array = new Uint8Array(65536);
  private colours: Uint32Array = new Uint32Array(65536);
  private readonly direct = new Uint32Array(65536);
  private sampled: Sampled | null = null;

  show(shown: Shown | null): void {
    this.shown = shown;
    this.sampled = null;
  }

  colour(greys: Uint8Array, colours: Uint32Array): void {
    this.greys = greys;
    this.colours = colours;
  }

  draw(affine: Affine, width: number, height: number): void {
    if (!this.shown) {
      this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
      return;
    }
    const { values, shares, spans: seen, image, pixels } = this.resampled(this.shown, affine, width, height);
    const { first, end } = seen;
    const { greys, colours, direct } = this;
    if (!shares) {
      for (let value = 0; value < 65536; value++) direct[value] = colours[greys[value] as number] as number;
    }
    for (let row = 0; row < height; row++) {
      const to = row * width + (end[row] as number);
      let at = row * width + (first[row] as number);
      if (shares) {
        for (; at < to; at++) {
          const grey = greys[values[at] as number] as number;
          pixels[at] = colours[((shares[at] as number) << 8) | grey] as number;
        }
      } else {
        for (; at < to; at++) pixels[at] = direct[values[at] as number] as number;
      }
    }
    this.pen.putImageData(image, 0, 0);
  }

  private resampled(shown: Shown, affine: Affine, width: number, height: number): Sampled {
    const last = this.sampled;
    if (last && last.image.width === width && last.image.height === height && same(last.affine, affine))
      return last;
    const whole = last && last.image.width === width && last.image.height === height ? last : null;
    if (!whole) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const image = whole?.image ?? this.pen.createImageData(width, height);
    const pixels = whole?.pixels ?? new Uint32Array(image.data.buffer);
    pixels.fill(0);
    const values = whole?.values ?? new Uint16Array(width * height);
    const seen = spans(affine, width, height, shown.box);
    sample(shown.levels, shown.box, affine, width, seen, values);
    let shares: Uint8Array | null = null;
    if (shown.shares) {
      shares = whole?.shares ?? new Uint8Array(width * height);
      sample(shown.shares, shown.box, affine, width, seen, shares);
    }
    this.sampled = { affine, spans: seen, values, shares, image, pixels };
    return this.sampled;
  }
}

function same(a: Affine, b: Affine): boolean {
  return a.x0 === b.x0 && a.y0 === b.y0 && a.xi === b.xi && a.xj === b.xj && a.yi === b.yi && a.yj === b.yj;
}
