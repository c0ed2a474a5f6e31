import { describe, expect, it } from "vitest";
import { deedOf, Once } from "./taps";

describe("a deed", () => {
  it("leaves out what was not filled in", () => {
    expect(deedOf("outcome", "discrepancy", "undervaluation", " ", "")).toEqual({
      to: "outcomes",
      body: { result: "discrepancy", reason: "undervaluation" },
    });
  });
  it("carries the code that was found with an outcome only", () => {
    expect(deedOf("outcome", "discrepancy", "misclassification", "seen", " 0306.17-1090 ").body).toEqual({
      result: "discrepancy",
      reason: "misclassification",
      note: "seen",
      found_hs: "0306.17-1090",
    });
    expect(deedOf("decision", "hold", "rescan_needed", "", "0306").body).toEqual({
      decision: "hold",
      reason: "rescan_needed",
    });
  });
  it("of a note is its text", () => {
    expect(deedOf("note", "", "", " look at the seal ", "")).toEqual({
      to: "notes",
      body: { text: "look at the seal" },
    });
  });
});

describe("a key", () => {
  it("stays the same for the same deed, and is new for another, for another version, and once it is done", () => {
    let made = 0;
    const once = new Once(() => String(++made));
    const deed = deedOf("decision", "hold", "rescan_needed", "", "");
    expect(once.of(deed, 1)).toBe("1");
    expect(once.of(deedOf("decision", "hold", "rescan_needed", "", ""), 1)).toBe("1");
    expect(once.of(deed, 2)).toBe("2");
    expect(once.of(deedOf("decision", "hold", "expert_needed", "", ""), 2)).toBe("3");
    expect(once.of(deed, 2)).toBe("4");
    once.done();
    expect(once.of(deed, 2)).toBe("5");
  });
});
