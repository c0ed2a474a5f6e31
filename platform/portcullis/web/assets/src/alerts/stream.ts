/** Listening to alerts: reconnects by itself, and says how it stands. */

export type State = "live" | "lost";

/** What of an alert is needed to know whether it is wanted; the words come from the server. */
export interface Told {
  number: number;
  band: string | null;
}

const FIRST_WAIT = 3000;
const LONGEST_WAIT = 60_000;

/** Wait before the n-th attempt (from 0), in ms. */
export function patience(attempt: number): number {
  return Math.min(FIRST_WAIT * 2 ** attempt, LONGEST_WAIT);
}

/**
 * Calls `told` for every alert behind `after`. A break that the browser mends by itself goes on behind its
 * Last-Event-ID; where it gives up (the service was away, or full), a new stream begins behind the last alert.
 */
export function listen(
  after: number,
  kinds: readonly string[],
  told: (one: Told) => void,
  changed: (state: State) => void,
): void {
  let last = after;
  let failed = 0;
  const begin = () => {
    const asked = new URLSearchParams([["after", String(last)], ...kinds.map((kind) => ["kind", kind])]);
    const source = new EventSource(`/v1/alerts/stream?${asked}`);
    source.addEventListener("open", () => {
      failed = 0;
      changed("live");
    });
    source.addEventListener("error", () => {
      changed("lost");
      if (source.readyState === EventSource.CLOSED) setTimeout(begin, patience(failed++));
    });
    for (const kind of kinds)
      source.addEventListener(kind, (event) => {
        const number = Number(event.lastEventId);
        if (number <= last) return; // sent again after a break
        last = number;
        told({ number, band: (JSON.parse(event.data) as { band: string | null }).band });
      });
  };
  begin();
}
