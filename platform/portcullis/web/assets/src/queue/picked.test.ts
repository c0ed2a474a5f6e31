import { expect, test } from "vitest";
import { between, Picked } from "./picked";

function room() {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  };
}

test("a selection outlives the page that made it", () => {
  const kept = room();
  new Picked(kept).set(["a", "b"], true);
  const later = new Picked(kept);
  later.set(["a"], false);
  expect(later.all).toEqual(["b"]);
  expect(new Picked(kept).has("b")).toBe(true);
});

test("a range has both of its ends, in either direction", () => {
  expect(between(["a", "b", "c", "d"], "c", "b")).toEqual(["b", "c"]);
  expect(between(["a"], "a", "x")).toEqual([]);
});
