/** What is being drawn on the scan: a ruler, a region or a box, by pointer or by keys. */

import type Feature from "ol/Feature";
import { boxFeature, lineFeature } from "./drawings";
import type { Pixel } from "./grid";
import type { Pane } from "./pane";
import type { Box } from "./raster";

export type ShapeKind = "ruler" | "region" | "mark";

export class Shape {
  private feature: Feature | null = null;

  /** changed: hears of every change; done: whether the hand has let go. */
  constructor(
    private readonly pane: Pane,
    readonly kind: ShapeKind,
    public a: Pixel,
    public b: Pixel,
    private readonly labelled: (shape: Shape) => string,
  ) {
    this.draw();
  }

  /** One of a quarter of the view in its middle, for whoever has no pointer. */
  static inMiddle(pane: Pane, kind: ShapeKind, labelled: (shape: Shape) => string): Shape {
    const [width = 400, height = 200] = pane.map.getSize() ?? [];
    const corner = (x: number, y: number) =>
      pane.scan.grid.toPixel(pane.map.getCoordinateFromPixel([x * width, y * height]) ?? [0, 0]);
    const [a, b] =
      kind === "ruler" ? [corner(0.35, 0.5), corner(0.65, 0.5)] : [corner(0.38, 0.38), corner(0.62, 0.62)];
    return new Shape(pane, kind, a, b, labelled);
  }

  /** Whole pixels of the scan. */
  get box(): Box {
    return this.pane.scan.grid.held([this.a[1], this.a[0], this.b[1], this.b[0]]);
  }

  /** Whether it is more than a tap. */
  get drawn(): boolean {
    const least = 3 * this.pane.scale;
    const [across, down] = [Math.abs(this.a[0] - this.b[0]), Math.abs(this.a[1] - this.b[1])];
    return this.kind === "ruler" ? across + down > least : across > least && down > least;
  }

  stretch(to: Pixel): void {
    this.b = to;
    this.draw();
  }

  /** Move it, or its second corner, by pixels of CSS. */
  move(right: number, down: number, corner: boolean): void {
    const { grid } = this.pane.scan;
    const shifted = (pixel: Pixel): Pixel => {
      const [x = 0, y = 0] = this.pane.map.getPixelFromCoordinate(grid.toMap(pixel)) ?? [];
      return grid.toPixel(this.pane.map.getCoordinateFromPixel([x + right, y + down]) ?? [0, 0]);
    };
    this.b = shifted(this.b);
    if (!corner) this.a = shifted(this.a);
    this.draw();
  }

  draw(): void {
    this.erase();
    const { grid } = this.pane.scan;
    const label = this.labelled(this);
    this.feature =
      this.kind === "ruler"
        ? lineFeature(grid, this.a, this.b, "ruler", label)
        : boxFeature(grid, this.box, this.kind, label);
    this.pane.drawings.addFeature(this.feature);
  }

  erase(): void {
    if (this.feature) this.pane.drawings.removeFeature(this.feature);
    this.feature = null;
  }
}
