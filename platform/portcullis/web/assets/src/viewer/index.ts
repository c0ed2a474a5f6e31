/** The X-ray viewer of a case's page. */
import { connect, offer } from "./controls";
import type { PainterChoice } from "./pane";
import type { Wanted } from "./places";
import { progress, reason, Viewer } from "./viewer";
import { say } from "./words";
import { Workshop } from "./workshop";

const KEPT = "portcullis.viewer.painter";

const root = document.querySelector<HTMLElement>("#viewer[data-scan]");
if (root) start(root);

function start(root: HTMLElement): void {
  const href = root.dataset.scan ?? "";
  const workshop = new Workshop();
  let viewer: Viewer | null = null;
  const waiting: Wanted[] = [];
  const show = connect(root, () => viewer);

  document.addEventListener("portcullis:place", (event) => {
    const { label, kind } = (event as CustomEvent<Wanted>).detail;
    if (viewer) void viewer.place({ label, kind });
    else waiting.push({ label, kind });
  });
  const painters = root.querySelector<HTMLSelectElement>("select[data-painter]");
  if (painters) {
    painters.value = choice();
    painters.addEventListener("change", () => {
      localStorage.setItem(KEPT, painters.value);
      location.reload(); // a canvas belongs to its painter for good
    });
  }
  const again = root.querySelector(".viewer-state button") as HTMLButtonElement;
  again.addEventListener("click", () => void open());
  void open();

  async function open(): Promise<void> {
    progress(root, say("loading"), 0);
    try {
      viewer = await Viewer.open(root, href, workshop, choice(), show);
      offer(root, viewer);
      show();
      root.dataset.ready = "";
      root.dispatchEvent(new CustomEvent("portcullis:viewer", { bubbles: true }));
      const last = waiting.pop();
      if (last) await viewer.place(last);
    } catch (error) {
      progress(root, say("failed", { why: reason(error) }), undefined, true);
      again.hidden = false;
    }
  }
}

function choice(): PainterChoice {
  const kept = localStorage.getItem(KEPT);
  return kept === "processor" || kept === "graphics" ? kept : "auto";
}
