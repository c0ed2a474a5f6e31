import { describe, expect, it } from "vitest";
import { check, isDay, perKilogram } from "./checks";
import { byName, greyPng, isGrey, size } from "./kinds";
import { codeOf, fitting } from "./lists";
import { asJson, at, blank, fault, type Paper, parsed, put, removeLine, shown, written } from "./paper";

const known = { countries: new Set(["VN", "KR", "SG"]), currencies: new Set(["USD", "KRW"]) };
const whole = (): Paper => ({
  id: "D1",
  date: "2025-04-30",
  origin: "VN",
  importer: "Hanbit",
  lines: [{ hsk: "0306171090", name: "shrimp", net_kg: 20000, gross_kg: 21500, value: "160000 USD" }],
});

describe("a declaration in the form", () => {
  it("keeps what the form does not know when a field is changed", () => {
    const paper = parsed('{"id": "D1", "remark": {"a": [1]}, "lines": [{"hsk": "1", "own": true}]}') as Paper;
    put(paper, "lines.0.net_kg", "1,200.5", "number");
    put(paper, "id", "D2", "text");
    expect(parsed(written(paper))).toEqual({
      id: "D2",
      remark: { a: [1] },
      lines: [{ hsk: "1", own: true, net_kg: 1200.5 }],
    });
  });
  it("keeps amounts exactly as they are written", () => {
    const paper = blank("2025-01-01");
    put(paper, "lines.0.value.amount", "1,250.400", "amount");
    put(paper, "lines.0.value.currency", "usd", "currency");
    expect(at(paper, "lines.0.value")).toEqual({ amount: "1250.400", currency: "USD" });
  });
  it("reads money from both ways of writing it, and changes one half of it", () => {
    const paper = whole();
    expect(shown(paper, "lines.0.value.amount")).toBe("160000");
    put(paper, "lines.0.value.currency", "KRW", "currency");
    expect(at(paper, "lines.0.value")).toEqual({ amount: "160000", currency: "KRW" });
    put(paper, "lines.0.value.amount", "", "amount");
    expect(at(paper, "lines.0.value")).toBeUndefined();
  });
  it("keeps what is no number as it was typed", () => {
    expect(asJson("12 boxes", "count")).toBe("12 boxes");
    expect(asJson("1e3", "number")).toBe("1e3");
    expect(asJson("  ", "text")).toBeUndefined();
    expect(asJson("0306.17-1090", "code")).toBe("0306171090");
    expect(asJson("냉동 새우", "code")).toBe("냉동 새우");
    expect(asJson("sg, hk", "countries")).toEqual(["SG", "HK"]);
    expect(asJson("temu 123456-5", "container")).toBe("TEMU1234565");
  });
  it("says why a text is none", () => {
    expect(fault('{"a": 1}')).toBe("");
    expect(fault("[1]")).toBe("object");
    expect(fault("{")).not.toBe("");
    expect(parsed("[1]")).toBeNull();
  });
  it("loses the line that is removed and no other", () => {
    const paper: Paper = { lines: [{ name: "a" }, { name: "b" }, { name: "c" }] };
    removeLine(paper, 1);
    expect(paper.lines).toEqual([{ name: "a" }, { name: "c" }]);
  });
});

describe("the checks before sending", () => {
  const faults = (change: (paper: Paper) => void) => {
    const paper = whole();
    change(paper);
    return check(paper, known).map((each) => `${each.field} ${each.word}`);
  };
  it("let a whole declaration pass", () => {
    expect(check(whole(), known)).toEqual([]);
  });
  it("name every field that is missing", () => {
    expect(check(blank("2025-04-30"), known).map((each) => each.field)).toEqual([
      "id",
      "importer",
      "origin",
      "lines.0.hsk",
      "lines.0.name",
      "lines.0.net_kg",
      "lines.0.value",
    ]);
    expect(check({ ...whole(), lines: [] }, known)).toEqual([{ field: "lines", word: "no_lines" }]);
  });
  it.each([
    ["lines.0.hsk", "306171090", "code", "lines.0.hsk code"],
    ["lines.0.hsk", "shrimp", "code", "lines.0.hsk code_words"],
    ["lines.0.gross_kg", "100", "number", "lines.0.gross_kg gross"],
    ["lines.0.net_kg", "-1", "number", "lines.0.net_kg number"],
    ["lines.0.packages", "1.5", "count", "lines.0.packages whole"],
    ["lines.0.value.amount", "-3", "amount", "lines.0.value amount"],
    ["lines.0.freight.amount", "3", "amount", "lines.0.freight no_currency"],
    ["lines.0.value.currency", "XXY", "currency", "lines.0.value currency"],
    ["date", "2025-02-30", "text", "date day"],
    ["origin", "Vietnam", "country", "origin country"],
    ["transit", "SG QQ", "countries", "transit country"],
    ["container", "TEMU12", "container", "container container"],
    ["id", "a/b", "text", "id id"],
  ] as const)("find what is wrong with %s of %s", (path, typed, kind, wrong) => {
    expect(faults((paper) => put(paper, path, typed, kind))).toEqual([wrong]);
  });
  it("know the calendar, and what a kilogram costs", () => {
    expect([isDay("2024-02-29"), isDay("2025-02-29"), isDay("2025-4-1")]).toEqual([true, false, false]);
    expect(perKilogram((whole().lines as Paper[])[0] as Paper, "value")).toBe("8.000 USD/kg");
    expect(perKilogram({ net_kg: 0 }, "value")).toBe("");
  });
});

describe("files", () => {
  it("are told apart by their names", () => {
    const names = ["d.json", "a_low.tif", "scan.png", "x.npy", "photo.jpg", "a.jpg", "x.pdf", "flow.png"];
    expect(names.map(byName)).toEqual(["declaration", "scan", "scan", "scan", "photo", null, "none", null]);
  });
  it("are told apart by what they look like", () => {
    const head = (depth: number, colour: number) =>
      new Uint8Array([0x89, 0x50, 0x4e, 0x47, ...new Array(20).fill(0), depth, colour]);
    expect([greyPng(head(16, 2)), greyPng(head(8, 0)), greyPng(head(8, 6))]).toEqual([true, true, null]);
    expect(greyPng(new Uint8Array([1, 2]))).toBeNull();
    expect(isGrey(new Uint8ClampedArray([9, 9, 9, 255, 80, 82, 81, 255]))).toBe(true);
    expect(isGrey(new Uint8ClampedArray([9, 9, 9, 255, 200, 20, 20, 255]))).toBe(false);
  });
  it("have a size that people read", () => {
    expect([size(12), size(2048), size(3.5 * 1024 * 1024)]).toEqual(["12 B", "2 KB", "3.5 MB"]);
  });
});

describe("a list to choose from", () => {
  const all = [
    { code: "AT", name: "오스트리아", other: "Austria" },
    { code: "VN", name: "베트남", other: "Vietnam" },
    { code: "AU", name: "오스트레일리아", other: "Australia" },
  ];
  it("is searched by code and by both names, the code first", () => {
    expect(fitting(all, "au").map((each) => each.value)).toEqual(["AU", "AT"]);
    expect(fitting(all, "viet").map((each) => each.value)).toEqual(["VN"]);
    expect(fitting(all, "오스").map((each) => each.value)).toEqual(["AT", "AU"]);
    expect(fitting(all, "zz")).toEqual([]);
  });
  it("knows the code of a name that was typed in full", () => {
    expect([codeOf(all, "베트남"), codeOf(all, "vn"), codeOf(all, "viet")]).toEqual(["VN", "VN", ""]);
  });
});
