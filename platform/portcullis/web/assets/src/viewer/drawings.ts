/** What is drawn over a scan in lines: shapes, boxes with comments, where a finding is. */
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import Polygon from "ol/geom/Polygon";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import type { Grid, Pixel } from "./grid";
import type { Box } from "./raster";

export type Kind = "ruler" | "region" | "mark" | "place";

const COLOURS: Record<Kind, string> = {
  ruler: "#ffd400",
  region: "#35c9ff",
  mark: "#4d9bff",
  place: "#ff5a36",
};

/** A box of the scan. */
export function boxFeature(grid: Grid, box: Box, kind: Kind, label = "", chosen = false): Feature {
  const made = new Feature(new Polygon([grid.ring(box)]));
  made.setStyle(styles(kind, label, chosen));
  return made;
}

/** A line on the scan. */
export function lineFeature(grid: Grid, a: Pixel, b: Pixel, kind: Kind, label = ""): Feature {
  const made = new Feature(new LineString([grid.toMap(a), grid.toMap(b)]));
  made.setStyle(styles(kind, label, false));
  return made;
}

/** Dark beneath, coloured above: seen on white and on black. */
function styles(kind: Kind, label: string, chosen: boolean): Style[] {
  const wide = kind === "place" || chosen ? 3 : 2;
  const dashes = kind === "region" ? [7, 5] : undefined;
  return [
    new Style({ stroke: new Stroke({ color: "#000c", width: wide + 2.5 }) }),
    new Style({
      stroke: new Stroke({ color: COLOURS[kind], width: wide, ...(dashes ? { lineDash: dashes } : {}) }),
      ...(label
        ? {
            text: new Text({
              text: label,
              font: "600 13px system-ui, sans-serif",
              fill: new Fill({ color: "#fff" }),
              backgroundFill: new Fill({ color: "#101418e6" }),
              padding: [3, 5, 2, 5],
              overflow: true,
              textBaseline: "bottom",
              offsetY: -6,
              placement: "point",
            }),
          }
        : {}),
    }),
  ];
}
