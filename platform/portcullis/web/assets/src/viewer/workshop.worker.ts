/** What takes long and must not stop the page: fetching numbers, making smaller sizes, filters. */
import { Refusal } from "../common/fetch";
import { filtered } from "./filters";
import { histogram, pyramid } from "./pyramid";
import { fetchRaster } from "./raster";
import type { Answer, Task } from "./workshop";

const answer = (said: Answer, moved: Transferable[] = []) => self.postMessage(said, { transfer: moved });

self.addEventListener("message", async ({ data }: MessageEvent<Task>) => {
  const { id } = data;
  let last = 0;
  const told = (share: number) => {
    if (share - last < 0.02 && share < 1) return;
    last = share;
    answer({ id, share });
  };
  try {
    if (data.kind === "fetch") {
      const { values, ...raster } = await fetchRaster(data.href, told);
      const levels = pyramid({ rows: raster.rows, columns: raster.columns, values });
      const counts = histogram(levels[0] as (typeof levels)[0], data.box ? [...data.box] : undefined);
      answer(
        { id, picture: { ...raster, levels }, counts },
        levels.map((l) => l.values.buffer),
      );
    } else {
      const levels = pyramid(filtered(data.plane, data.filter, told));
      const counts = histogram(levels[0] as (typeof levels)[0], data.box ? [...data.box] : undefined);
      answer(
        { id, levels, counts },
        levels.map((l) => l.values.buffer),
      );
    }
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 0;
    answer({ id, failed: error instanceof Error ? error.message : String(error), status });
  }
});
