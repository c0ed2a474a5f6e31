import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listen, patience, type State, type Told } from "./stream";

class Source extends EventTarget {
  static readonly CLOSED = 2;
  static made: Source[] = [];
  readyState = 1;
  constructor(readonly address: string) {
    super();
    Source.made.push(this);
  }
  say(kind: string, number: number, band: string | null = "high"): void {
    this.dispatchEvent(
      Object.assign(new Event(kind), { lastEventId: String(number), data: JSON.stringify({ band }) }),
    );
  }
}

describe("a stream of alerts", () => {
  beforeEach(() => {
    Source.made = [];
    vi.stubGlobal("EventSource", Source);
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("waits longer after each failure, and no longer than a minute", () => {
    expect([0, 1, 2, 9].map(patience)).toEqual([3000, 6000, 12_000, 60_000]);
  });

  it("goes on behind the last alert where the browser has given up, and tells none twice", () => {
    const told: Told[] = [];
    const states: State[] = [];
    listen(
      7,
      ["assessed", "decided"],
      (one) => told.push(one),
      (state) => states.push(state),
    );
    const first = Source.made[0] as Source;
    expect(first.address).toBe("/v1/alerts/stream?after=7&kind=assessed&kind=decided");
    first.dispatchEvent(new Event("open"));
    first.say("assessed", 8);
    first.say("assessed", 8);
    first.readyState = 2;
    first.dispatchEvent(new Event("error"));
    vi.advanceTimersByTime(2999);
    expect(Source.made).toHaveLength(1);
    vi.advanceTimersByTime(1);
    const second = Source.made[1] as Source;
    expect(second.address).toContain("after=8&");
    second.dispatchEvent(new Event("open"));
    second.say("decided", 9, null);
    expect(told).toEqual([
      { number: 8, band: "high" },
      { number: 9, band: null },
    ]);
    expect(states).toEqual(["live", "lost", "live"]);
  });

  it("leaves to the browser a break that it mends itself", () => {
    listen(
      0,
      ["assessed"],
      () => {},
      () => {},
    );
    const first = Source.made[0] as Source;
    first.readyState = 0;
    first.dispatchEvent(new Event("error"));
    vi.advanceTimersByTime(120_000);
    expect(Source.made).toHaveLength(1);
  });
});
