/** The worker's desk in the page: one promise for each task. */
import { Refusal } from "../common/fetch";
import type { Filter } from "./filters";
import type { Level, Picture } from "./pyramid";
import type { Box } from "./raster";

export type Task =
  | { id: number; kind: "fetch"; href: string; box?: Box | undefined }
  | { id: number; kind: "filter"; plane: Level; filter: Filter; box?: Box | undefined };
export type Answer =
  | { id: number; share: number }
  | { id: number; picture: Picture; counts: Uint32Array<ArrayBuffer> }
  | { id: number; levels: Level[]; counts: Uint32Array<ArrayBuffer> }
  | { id: number; failed: string; status: number };
export type Told = (share: number) => void;

export interface Fetched {
  picture: Picture;
  counts: Uint32Array;
}

interface Waiting {
  done: (answer: Answer) => void;
  failed: (error: Error) => void;
  told: Told;
}

export class Workshop {
  private readonly worker = new Worker(new URL("./workshop.worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor() {
    this.worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const found = this.waiting.get(data.id);
      if (!found) return;
      if ("share" in data) {
        found.told(data.share);
        return;
      }
      this.waiting.delete(data.id);
      if ("failed" in data) found.failed(new Refusal(data.status, data.failed));
      else found.done(data);
    });
    this.worker.addEventListener("error", (event) => {
      for (const each of this.waiting.values()) each.failed(new Error(event.message));
      this.waiting.clear();
    });
  }

  /** The numbers at an address with their smaller sizes; counts: of the numbers within the box. */
  async fetch(href: string, box: Box | undefined, told: Told = () => {}): Promise<Fetched> {
    const answer = await this.ask({ id: ++this.last, kind: "fetch", href, box }, told);
    if (!("picture" in answer)) throw new Error("the worker answered something else");
    return answer;
  }

  /** A filter over a plane. */
  async filter(
    plane: Level,
    filter: Filter,
    box: Box | undefined,
    told: Told = () => {},
  ): Promise<{ levels: Level[]; counts: Uint32Array }> {
    const answer = await this.ask({ id: ++this.last, kind: "filter", plane, filter, box }, told);
    if (!("levels" in answer)) throw new Error("the worker answered something else");
    return answer;
  }

  private ask(task: Task, told: Told): Promise<Answer> {
    return new Promise((done, failed) => {
      this.waiting.set(task.id, { done, failed, told });
      this.worker.postMessage(task);
    });
  }
}
