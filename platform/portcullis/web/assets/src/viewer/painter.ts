/** What draws a picture on a canvas: by the processor or by the graphics card. Both show the same. */
import type { Affine } from "./grid";
import type { Level } from "./pyramid";
import type { Box } from "./raster";

/** Numbers to draw; shares: of steel, 0…255, over the same box; null where no colour asks for it. */
export interface Shown {
  levels: readonly Level[];
  shares: readonly Level[] | null;
  box: Box;
}

export interface Painter {
  readonly canvas: HTMLCanvasElement;
  readonly name: "processor" | "graphics";
  show(shown: Shown | null): void;
  /** greys: of every number; colours: (share << 8) | grey. Kept, not copied: draw again after a change. */
  colour(greys: Uint8Array, colours: Uint32Array): void;
  /** Draw what is seen through `affine` on so many pixels. */
  draw(affine: Affine, width: number, height: number): void;
}
