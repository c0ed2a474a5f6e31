/** What a pointer does on the scan, by tool: move, window, or draw. The right button is the window in any tool. */
import PointerInteraction from "ol/interaction/Pointer";
import type { Pane } from "./pane";
import { Shape, type ShapeKind } from "./shape";
import type { Tone } from "./tone";
import { held } from "./tone";

export type Tool = "move" | "window" | ShapeKind;

export interface Hands {
  tool(): Tool;
  tone(): Tone;
  window(low: number, high: number): void;
  label(shape: Shape): string;
  /** A shape begins, so an earlier one goes. */
  begun(shape: Shape): void;
  ended(shape: Shape): void;
  dropped(shape: Shape): void;
}

const FULL = 500; // pixels of CSS that sweep the whole scale

/** Give a pane hands. */
export function hand(pane: Pane, hands: Hands): void {
  let from = { x: 0, y: 0, low: 0, high: 1 };
  let shape: Shape | null = null;
  pane.pans = () => hands.tool() === "move";
  const interaction: PointerInteraction = new PointerInteraction({
    handleDownEvent: (event) => {
      const pointer = event.originalEvent as PointerEvent;
      const tool = hands.tool();
      if (interaction.getPointerCount() > 1) return false;
      if (tool === "window" || pointer.button === 2) {
        from = { x: pointer.clientX, y: pointer.clientY, ...hands.tone() };
        return true;
      }
      if (tool === "move" || pointer.button !== 0) return false;
      const at = pane.scan.grid.toPixel(event.coordinate);
      shape = new Shape(pane, tool, at, at, hands.label);
      hands.begun(shape);
      return true;
    },
    handleDragEvent: (event) => {
      const pointer = event.originalEvent as PointerEvent;
      if (shape) {
        if (interaction.getPointerCount() > 1) {
          hands.dropped(shape); // a second finger zooms
          shape = null;
        } else shape.stretch(pane.scan.grid.toPixel(event.coordinate));
        return;
      }
      const wide = (from.high - from.low) * Math.exp((pointer.clientX - from.x) / (FULL / 2));
      const middle = (from.low + from.high) / 2 + ((pointer.clientY - from.y) / FULL) * Math.min(1, 2 * wide);
      const { low, high } = held(middle - wide / 2, middle + wide / 2);
      hands.window(low, high);
    },
    handleUpEvent: () => {
      const made = shape;
      shape = null;
      if (made) made.drawn ? hands.ended(made) : hands.dropped(made);
      return false;
    },
  });
  pane.map.addInteraction(interaction);
  pane.element.addEventListener("contextmenu", (event) => event.preventDefault());
}
