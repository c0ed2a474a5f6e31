/** The declared way and the usual ones on outlines that come with the page: no tile is fetched from anywhere. */

import { defaults as controls } from "ol/control/defaults";
import { createEmpty, extend } from "ol/extent";
import Feature from "ol/Feature";
import TopoJSON from "ol/format/TopoJSON";
import LineString from "ol/geom/LineString";
import MultiPolygon from "ol/geom/MultiPolygon";
import PointGeometry from "ol/geom/Point";
import type Polygon from "ol/geom/Polygon";
import { defaults as interactions } from "ol/interaction/defaults";
import VectorLayer from "ol/layer/Vector";
import OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import { Circle, Fill, Stroke, Style, Text } from "ol/style";
import View from "ol/View";
import outlines from "world-atlas/countries-110m.json?url";
import { onTheme, type Paint, paint, sheer } from "../common/paint";
import { type Point, unrolled, wayThrough } from "./way";
import { say } from "./words";

const ANTARCTICA = "010";

interface Stop {
  at: Point;
  name: string;
}

/** Draw the map; what is on it stands in the tables of the same panel. */
export async function drawMap(element: HTMLElement, panel: HTMLElement): Promise<void> {
  let colours = paint();
  const land = new VectorSource({ wrapX: true });
  const ways = new VectorSource({ wrapX: true });
  addUsual(ways, panel);
  addDeclared(ways, panel);

  const base = new VectorLayer({ source: land, style: () => ground(colours) });
  const drawn = new VectorLayer({
    source: ways,
    style: (feature) => styled(feature as Feature, colours),
    declutter: true,
  });
  const view = new View({ center: fromLonLat([127, 30]), zoom: 1, minZoom: 0, maxZoom: 6 });
  const map = new OlMap({
    target: element,
    layers: [base, drawn],
    view,
    controls: controls({
      attribution: false,
      rotate: false,
      zoomOptions: { zoomInTipLabel: say("zoomIn"), zoomOutTipLabel: say("zoomOut") },
    }),
    // a wheel over the map scrolls the page, unless the map was chosen first
    interactions: interactions({ altShiftDragRotate: false, pinchRotate: false, onFocusOnly: true }),
  });
  const whole = createEmpty();
  for (const feature of ways.getFeatures()) {
    if (feature.get("part") !== "usual") extend(whole, feature.getGeometry()?.getExtent() ?? createEmpty());
  }
  if (ways.getFeatures().length) view.fit(whole, { padding: [50, 60, 40, 60], maxZoom: 4 });
  onTheme(element, () => {
    colours = paint();
    base.changed();
    drawn.changed();
  });
  try {
    const answer = await fetch(outlines);
    if (!answer.ok) throw new Error(answer.statusText);
    const reader = new TopoJSON({ layers: ["countries"] });
    land.addFeatures(reader.readFeatures(await answer.json()).flatMap(flat));
    map.once("rendercomplete", () => {
      element.dataset.ready = "";
    });
  } catch {
    const said = document.createElement("p");
    said.className = "hint";
    said.textContent = say("noMap");
    element.after(said);
  }
}

/** A country's outline on the flat map; the outlines are cut for a globe, and Antarctica has no edge here. */
function flat(country: Feature): Feature[] {
  const outline = country.getGeometry();
  if (country.getId() === ANTARCTICA || !outline) return [];
  const many = outline instanceof MultiPolygon ? outline : new MultiPolygon([outline as Polygon]);
  const rings = many.getCoordinates().map((each) => each.map((ring) => unrolled(ring as Point[])));
  return [new Feature(new MultiPolygon(rings).transform("EPSG:4326", "EPSG:3857"))];
}

function stopsOf(room: ParentNode): Stop[] {
  return [...room.querySelectorAll<HTMLElement>("[data-stop]")]
    .filter((each) => each.dataset.longitude && each.dataset.latitude)
    .map((each) => ({
      at: [Number(each.dataset.longitude), Number(each.dataset.latitude)],
      name: each.dataset.name ?? "",
    }));
}

function lines(stops: readonly Stop[]): LineString[] {
  return wayThrough(stops.map((each) => each.at)).map(
    (part) => new LineString(part.map((point) => fromLonLat(point))),
  );
}

function addUsual(source: VectorSource, panel: HTMLElement): void {
  for (const row of panel.querySelectorAll<HTMLElement>("[data-usual]")) {
    const weight = Number(row.dataset.weight);
    for (const geometry of lines(stopsOf(row)))
      source.addFeature(new Feature({ geometry, part: "usual", weight }));
  }
}

function addDeclared(source: VectorSource, panel: HTMLElement): void {
  const table = panel.querySelector(".stops");
  if (!table) return;
  const stops = stopsOf(table);
  const remarks = [...panel.querySelectorAll<HTMLElement>("[data-leg]")].map(
    (leg) => leg.dataset.remark ?? "",
  );
  const drawn = lines(stops);
  // where a country has no place on the map the parts do not match the table: then none is marked
  const marked = remarks.length === drawn.length;
  drawn.forEach((geometry, i) => {
    source.addFeature(new Feature({ geometry, part: "declared", odd: marked && remarks[i] !== "" }));
  });
  stops.forEach((stop, i) => {
    const at = drawn[i]?.getFirstCoordinate() ?? drawn.at(-1)?.getLastCoordinate() ?? fromLonLat(stop.at);
    source.addFeature(new Feature({ geometry: new PointGeometry(at), part: "stop", name: stop.name }));
  });
}

function ground(colours: Paint): Style {
  return new Style({
    fill: new Fill({ color: sheer(colours.soft, 0.16) }),
    stroke: new Stroke({ color: sheer(colours.soft, 0.45), width: 0.7 }),
  });
}

function styled(feature: Feature, colours: Paint): Style {
  const part = feature.get("part");
  if (part === "usual") {
    return new Style({
      stroke: new Stroke({ color: sheer(colours.clear, 0.55), width: 2 + 8 * Number(feature.get("weight")) }),
      zIndex: 1,
    });
  }
  if (part === "declared") {
    const odd = feature.get("odd");
    const stroke = { color: odd ? colours.high : colours.link, width: 2.5 };
    return new Style({
      stroke: new Stroke(odd ? { ...stroke, lineDash: [8, 6] } : stroke),
      zIndex: 2,
      ...(odd ? { text: label(say("unusual"), colours, { placement: "line" as const, dy: -8 }) } : {}),
    });
  }
  return new Style({
    image: new Circle({
      radius: 5,
      fill: new Fill({ color: colours.link }),
      stroke: new Stroke({ color: colours.card, width: 2 }),
    }),
    text: label(feature.get("name"), colours, { dy: -14 }),
    zIndex: 3,
  });
}

function label(text: string, colours: Paint, more: { placement?: "line"; dy: number }): Text {
  const { dy, ...rest } = more;
  return new Text({
    text,
    font: `600 13px ${colours.font}`,
    fill: new Fill({ color: colours.ink }),
    stroke: new Stroke({ color: colours.card, width: 4 }),
    offsetY: dy,
    ...rest,
  });
}
