import { expect, test } from "vitest";
import { oneIn } from "./one_in";

test("a threshold says of how many consignments one reaches it", () => {
  expect(oneIn("2")).toBe("100");
  expect(oneIn(" 0.3 ")).toBe("2");
  expect(oneIn("3.3")).toBe("1,995");
  expect(oneIn("12")).toBe("1,000,000,000,000");
});

test("what is no threshold says nothing", () => {
  for (const typed of ["", " ", "-1", "12.1", "x", "NaN"]) expect(oneIn(typed)).toBe("");
});
