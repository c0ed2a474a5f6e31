import { expect, test } from "vitest";
import { isoDay } from "./days";

test.each([
  ["2026-03-31", "2026-03-31"],
  ["2026.3.1", "2026-03-01"],
  ["2026. 3. 31.", "2026-03-31"],
  ["20260331", "2026-03-31"],
  ["2026/12/1", "2026-12-01"],
  ["2026년 3월 5일", "2026-03-05"],
])("the day %s is %s", (written, day) => {
  expect(isoDay(written)).toBe(day);
});

test.each(["", "March", "2026-03", "26-3-1", "202603311"])("%s stays for the server to refuse", (text) => {
  expect(isoDay(text)).toBe(text);
});
