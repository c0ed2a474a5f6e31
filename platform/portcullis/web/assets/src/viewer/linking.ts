/** Two scans that move together, laid over each other by their containers. */
import { unByKey } from "ol/Observable";
import type { Pane } from "./pane";

/** Ends the link. */
export function link(a: Pane, b: Pane): () => void {
  let moving = false;
  const follow = (from: Pane, to: Pane) => () => {
    if (moving) return;
    moving = true;
    const center = from.view.getCenter();
    if (center) {
      to.view.setCenter(moved(from, to, center));
      to.view.setResolution((from.view.getResolution() ?? 1) * scale(from, to));
      to.view.setRotation(from.view.getRotation());
    }
    moving = false;
  };
  const keys = [a.view.on("propertychange", follow(a, b)), b.view.on("propertychange", follow(b, a))];
  follow(a, b)();
  return () => unByKey(keys);
}

/** Map units of `to` in one of `from`: metres are metres, else containers are made equally long. */
export function scale(from: Pane, to: Pane): number {
  if (from.scan.grid.pitch && to.scan.grid.pitch) return 1;
  const long = ({ scan }: Pane) => (scan.about.container[3] - scan.about.container[1]) * scan.grid.across;
  return long(to) / Math.max(long(from), 1e-9);
}

/** The same place, seen from the lower left corner of the container. */
function moved(from: Pane, to: Pane, place: readonly number[]): [number, number] {
  const [a, b] = [corner(from), corner(to)];
  const by = scale(from, to);
  return [b[0] + ((place[0] as number) - a[0]) * by, b[1] + ((place[1] as number) - a[1]) * by];
}

function corner({ scan }: Pane): [number, number] {
  const { grid, about } = scan;
  const [top, left, bottom, right] = about.container;
  // mirrored, the lower left corner on the screen is another one of the container
  return grid.toMap([grid.flipAcross ? right : left, grid.flipDown ? top : bottom]);
}
