import { describe, expect, it } from "vitest";
import { speaker } from "./words";

describe("a speaker", () => {
  it("puts values where the words name them, and leaves what it was not given", () => {
    globalThis.document = { documentElement: { lang: "ko" } } as unknown as Document;
    const say = speaker({ ko: { found: "{n}건 중 {m}" }, en: { found: "{n} of {m}" } });
    expect(say("found", { n: 3 })).toBe("3건 중 {m}");
  });
});
