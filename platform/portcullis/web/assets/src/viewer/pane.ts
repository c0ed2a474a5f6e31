/** One scan on the screen: an OpenLayers map over its grid, the painter's canvas, the overlay, the drawings. */

import DragPan from "ol/interaction/DragPan";
import MouseWheelZoom from "ol/interaction/MouseWheelZoom";
import PinchRotate from "ol/interaction/PinchRotate";
import PinchZoom from "ol/interaction/PinchZoom";
import Layer from "ol/layer/Layer";
import VectorLayer from "ol/layer/Vector";
import OlMap, { type FrameState } from "ol/Map";
import Projection from "ol/proj/Projection";
import VectorSource from "ol/source/Vector";
import View from "ol/View";
import { GraphicsPainter } from "./graphics-painter";
import type { Affine, Pixel } from "./grid";
import { Overlay } from "./overlay";
import type { Painter } from "./painter";
import { ProcessorPainter } from "./processor-painter";
import type { Box } from "./raster";
import type { Scan } from "./scan";

export type PainterChoice = "auto" | "processor" | "graphics";

const SHARPEST = 2; // screen pixels in one of CSS that are painted singly; more are not seen
const MARGIN = 10; // pixels of CSS around a scan that fits
const LARGEST = 24; // pixels of CSS that a pixel of the scan may have

export class Pane {
  readonly map: OlMap;
  readonly painter: Painter;
  readonly overlay = new Overlay();
  readonly drawings = new VectorSource();
  /** Whether dragging moves the scan now. */
  pans = () => true;
  private seen: { affine: Affine; width: number; height: number } | null = null;

  constructor(
    readonly element: HTMLElement,
    readonly scan: Scan,
    choice: PainterChoice,
  ) {
    const { grid } = scan;
    const ratio = Math.min(globalThis.devicePixelRatio || 1, SHARPEST);
    this.painter = painter(grid.rows, grid.columns, choice);
    const extent = grid.extent;
    this.map = new OlMap({
      target: element,
      controls: [],
      pixelRatio: ratio,
      interactions: [
        new DragPan({
          condition: (event) => this.pans() || (event.originalEvent as PointerEvent).button === 1,
        }),
        new MouseWheelZoom({ maxDelta: 1.5, duration: 0, timeout: 20 }),
        new PinchZoom({ duration: 0 }),
        new PinchRotate({ threshold: 0.35 }),
      ],
      layers: [
        new Layer({ render: (frame) => this.paint(frame) }),
        new Layer({ render: () => this.overlay.canvas }),
        new VectorLayer({ source: this.drawings, updateWhileInteracting: true, updateWhileAnimating: true }),
      ],
      view: new View({
        projection: new Projection({ code: "scan", units: grid.pitch ? "m" : "pixels", extent }),
        center: [(extent[2] as number) / 2, (extent[3] as number) / 2],
        resolution: extent[2] / 800,
        maxResolution: Math.max(extent[2], extent[3]) / 120,
        minResolution: Math.min(grid.across, grid.down) / LARGEST,
        extent,
        constrainOnlyCenter: true,
        constrainRotation: false,
        smoothExtentConstraint: false,
        smoothResolutionConstraint: false,
      }),
    });
  }

  get view(): View {
    return this.map.getView();
  }

  /** Draw again after colours changed and the view did not; the time that took, ms. */
  redraw(): number {
    const began = performance.now();
    if (this.seen) this.painter.draw(this.seen.affine, this.seen.width, this.seen.height);
    else this.map.render();
    return performance.now() - began;
  }

  /** Draw the overlay again. */
  cover(): void {
    if (this.seen) this.overlay.draw(this.seen.affine, this.seen.width, this.seen.height);
  }

  /** Show a whole box, or the whole scan. */
  fit(box?: Box): void {
    const { grid } = this.scan;
    const corners = grid.ring(box ?? [0, 0, grid.rows, grid.columns]);
    const [xs, ys] = [corners.map((c) => c[0]), corners.map((c) => c[1])];
    const extent = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    const size = this.map.getSize() ?? [800, 400];
    // around a place a third of the view stays: a place is understood by its surroundings
    const margin = box ? Math.round(Math.min(size[0] as number, size[1] as number) / 4) : MARGIN;
    this.view.fit(extent, { size, padding: [margin, margin, margin, margin] });
  }

  /** A pixel of the scan is a pixel of the screen. */
  oneToOne(): void {
    this.view.setResolution(this.scan.grid.across * this.ratio);
  }

  zoom(by: number): void {
    this.view.setResolution((this.view.getResolution() ?? 1) / by);
  }

  /** Degrees, clockwise. */
  turn(degrees: number): void {
    this.view.setRotation(this.view.getRotation() + (degrees * Math.PI) / 180);
  }

  /** Move by pixels of CSS. */
  move(right: number, down: number): void {
    const [w = 0, h = 0] = this.map.getSize() ?? [];
    const center = this.map.getCoordinateFromPixel([w / 2 + right, h / 2 + down]);
    if (center) this.view.setCenter(center);
  }

  /** Mirror it; what is in the middle stays there. */
  flip(how: "across" | "down"): void {
    const { grid } = this.scan;
    const middle = grid.toPixel(this.view.getCenter() ?? [0, 0]);
    if (how === "across") grid.flipAcross = !grid.flipAcross;
    else grid.flipDown = !grid.flipDown;
    this.seen = null;
    this.view.setCenter(grid.toMap(middle));
    this.map.render();
  }

  /** The place on the scan in the middle of the view. */
  middle(): Pixel {
    return this.scan.grid.toPixel(this.view.getCenter() ?? [0, 0]);
  }

  /** Pixels of the scan in one of CSS. */
  get scale(): number {
    return (this.view.getResolution() ?? 1) / this.scan.grid.across;
  }

  close(): void {
    this.map.setTarget(undefined);
    this.map.dispose();
  }

  private get ratio(): number {
    return Math.min(globalThis.devicePixelRatio || 1, SHARPEST);
  }

  private paint(frame: FrameState): HTMLElement {
    const { center, resolution, rotation } = frame.viewState;
    const { size, pixelRatio: ratio } = frame;
    const affine = this.scan.grid.affine({ center, resolution, rotation, size, ratio });
    const width = Math.max(1, Math.round((size[0] as number) * ratio));
    const height = Math.max(1, Math.round((size[1] as number) * ratio));
    const before = this.seen;
    this.seen = { affine, width, height };
    // hovering a drawing renders the map as well: nothing is painted that has not moved
    if (before && JSON.stringify(before) === JSON.stringify(this.seen)) return this.painter.canvas;
    const began = performance.now();
    this.painter.draw(affine, width, height);
    this.overlay.draw(affine, width, height);
    const work = performance.now() - began;
    this.element.dispatchEvent(new CustomEvent("portcullis:painted", { detail: { work } }));
    return this.painter.canvas;
  }
}

function painter(rows: number, columns: number, choice: PainterChoice): Painter {
  const card = choice === "processor" ? null : GraphicsPainter.make(rows, columns, choice === "graphics");
  return card ?? new ProcessorPainter();
}
