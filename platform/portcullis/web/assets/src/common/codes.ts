/** Looking codes of goods up in the table that was imported. */
import type { Option } from "./combobox";
import { ask } from "./fetch";
import { language } from "./words";

export interface CodeHit {
  code: string;
  written: string;
  level: number;
  ko: string;
  en: string;
  quantity_unit: string | null;
  path: { written: string; ko: string; en: string }[];
}

export interface CodeOption extends Option {
  hit: CodeHit;
}

/** Codes by their first digits or by words, in Korean and English; day: only those that are valid on it. */
export async function findCodes(text: string, signal: AbortSignal, day?: string): Promise<CodeOption[]> {
  const query = new URLSearchParams({ query: text, limit: "12" });
  if (day && /^\d{4}-\d\d-\d\d$/.test(day)) query.set("on", day);
  const found = await ask<{ hits: CodeHit[] }>(`/v1/hs?${query}`, { signal });
  return found.hits.map((hit) => codeOption(hit));
}

/** A code as a suggestion: its wording in the page's language, below it the other one and where it belongs. */
export function codeOption(hit: CodeHit): CodeOption {
  const [first, second] = language() === "ko" ? [hit.ko, hit.en] : [hit.en, hit.ko];
  const above = hit.path
    .filter((entry) => entry.written !== hit.written)
    .map((entry) => (language() === "ko" ? entry.ko || entry.en : entry.en || entry.ko))
    .filter((words) => words !== "");
  return {
    value: hit.written,
    label: `${hit.written} ${first || second}`,
    detail: [first ? second : "", above.join(" › ")].filter((part) => part !== "").join(" · "),
    hit,
  };
}
