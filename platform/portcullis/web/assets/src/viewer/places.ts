/** Shows where a finding is: another script of the page asks by `portcullis:place`, `portcullis:placed` answers. */
import type Feature from "ol/Feature";
import { boxFeature } from "./drawings";
import type { Pane } from "./pane";
import type { Box, Raster } from "./raster";
import { regions } from "./regions";
import type { Scan } from "./scan";
import { say } from "./words";

export interface Wanted {
  label: string;
  kind: string;
}

/** Whether a finding is about the load as a whole; others are about what the heat-map marks. */
export function ofLoad(kind: string): boolean {
  return ["xray.density", "xray.mass", "xray.packages"].includes(kind);
}

/** The boxes on the scan that a finding is about, and whether it is one place and not the whole load. */
export async function boxesOf(scan: Scan, kind: string): Promise<{ boxes: Box[]; found: boolean }> {
  const { cargo, heatmap } = scan.about;
  if (ofLoad(kind)) return { boxes: [cargo], found: true };
  if (!heatmap) return { boxes: [], found: false };
  const { picture } = await scan.numbers("heat");
  const [level] = picture.levels;
  const odd = level ? regions({ ...picture, values: level.values } as Raster).map(({ box }) => box) : [];
  return { boxes: odd, found: odd.length > 0 };
}

export class Places {
  private features: Feature[] = [];
  private boxes: Box[] = [];
  private readonly chip: HTMLElement;

  constructor(
    private readonly root: HTMLElement,
    private readonly pane: Pane,
  ) {
    this.chip = root.querySelector(".viewer-place") as HTMLElement;
    this.chip.querySelector("button")?.addEventListener("click", () => this.clear());
  }

  /** Zoom to a finding's place and outline it. */
  async show({ label, kind }: Wanted): Promise<boolean> {
    this.clear();
    const { boxes, found } = await boxesOf(this.pane.scan, kind);
    this.boxes = boxes;
    const how = !found ? "noPlace" : ofLoad(kind) ? "load" : "placed";
    this.chip.hidden = false;
    (this.chip.querySelector("span") as HTMLElement).textContent = say(how, { label, n: boxes.length });
    this.draw();
    if (boxes.length) this.pane.fit(ofLoad(kind) ? undefined : around(boxes));
    else this.pane.fit();
    this.root.scrollIntoView({ block: "nearest" });
    return found;
  }

  draw(): void {
    for (const feature of this.features) this.pane.drawings.removeFeature(feature);
    this.features = this.boxes.map((box) => boxFeature(this.pane.scan.grid, box, "place"));
    this.pane.drawings.addFeatures(this.features);
  }

  clear(): void {
    this.boxes = [];
    this.draw();
    this.chip.hidden = true;
  }
}

function around(boxes: readonly Box[]): Box {
  return [
    Math.min(...boxes.map((b) => b[0])),
    Math.min(...boxes.map((b) => b[1])),
    Math.max(...boxes.map((b) => b[2])),
    Math.max(...boxes.map((b) => b[3])),
  ];
}
