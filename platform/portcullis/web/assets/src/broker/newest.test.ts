import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Newest } from "./newest";

describe("asking as somebody types", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("waits for a rest and asks once", async () => {
    const ask = vi.fn(async () => "answer");
    const shown: string[] = [];
    const newest = new Newest(ask, (answer) => shown.push(answer), vi.fn(), 100);
    for (let i = 0; i < 5; i++) {
      newest.changed();
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(ask).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(100);
    expect(ask).toHaveBeenCalledOnce();
    expect(shown).toEqual(["answer"]);
  });

  it("shows the newest answer, also when an older one comes after it", async () => {
    const waits = [300, 10];
    const shown: number[] = [];
    let count = 0;
    const ask = () => {
      const mine = count++;
      return new Promise<number>((done) => setTimeout(() => done(mine), waits[mine]));
    };
    const newest = new Newest(ask, (answer) => shown.push(answer), vi.fn(), 20);
    newest.changed();
    await vi.advanceTimersByTimeAsync(25);
    newest.changed();
    await vi.advanceTimersByTimeAsync(1000);
    expect(shown).toEqual([1]);
  });

  it("ends the older question, and tells only of errors of the newest", async () => {
    const signals: AbortSignal[] = [];
    const failed: unknown[] = [];
    const ask = (signal: AbortSignal) => {
      signals.push(signal);
      return Promise.reject(new Error(String(signals.length)));
    };
    const newest = new Newest<string>(ask, vi.fn(), (error) => failed.push(error), 20);
    void newest.now();
    void newest.now();
    await vi.advanceTimersByTimeAsync(50);
    expect(signals[0]?.aborted).toBe(true);
    expect(failed.map(String)).toEqual(["Error: 2"]);
  });
});
