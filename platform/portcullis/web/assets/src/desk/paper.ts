/**
 * A declaration while somebody writes it: the JSON itself, whatever is in it, and each field by its path.
 * What the form does not know stays in the JSON; what is no number yet stays the text that was typed.
 */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Paper = { [name: string]: Json };

/** How a field's text and its JSON value belong together. */
export type Kind =
  | "text"
  | "day"
  | "number"
  | "count"
  | "amount"
  | "country"
  | "countries"
  | "currency"
  | "unit"
  | "choice"
  | "container"
  | "code";

/** A declaration with nothing in it but one empty line. */
export function blank(today: string): Paper {
  return { date: today, lines: [{}] };
}

/** The declaration in a text; null for a text that is no JSON object. */
export function parsed(text: string): Paper | null {
  try {
    const found: unknown = JSON.parse(text);
    return isPaper(found) ? found : null;
  } catch {
    return null;
  }
}

/** Why a text is no JSON object: "" if it is one; the browser's own words, or nothing but "object". */
export function fault(text: string): string {
  try {
    return isPaper(JSON.parse(text)) ? "" : "object";
  } catch (error) {
    return error instanceof Error ? error.message : "JSON";
  }
}

/** The text that people read and that is sent. */
export function written(paper: Paper): string {
  return JSON.stringify(paper, null, 1);
}

/** What a field shows. Money is read from both ways of writing it: an object, or `1250.40 USD`. */
export function shown(paper: Paper, path: string): string {
  const value = at(paper, path);
  if (Array.isArray(value)) return value.map(String).join(", ");
  return value === null || value === undefined || typeof value === "object" ? "" : String(value);
}

/** The JSON value at a path such as `lines.0.value.amount`; undefined where there is none. */
export function at(paper: Paper, path: string): Json | undefined {
  let value: Json | undefined = paper;
  for (const name of path.split(".")) {
    if (typeof value === "string") value = money(value);
    if (value === null || typeof value !== "object") return undefined;
    value = Array.isArray(value) ? value[Number(name)] : value[name];
  }
  return value;
}

/** Put what was typed into a field; nothing typed is nothing declared. */
export function put(paper: Paper, path: string, typed: string, kind: Kind): void {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let room: Json = paper;
  for (const [i, name] of names.entries()) {
    const next: Json | undefined = Array.isArray(room) ? room[Number(name)] : (room as Paper)[name];
    let inner: Json = typeof next === "string" ? (money(next) ?? {}) : (next ?? null);
    if (inner === null || typeof inner !== "object") inner = names[i + 1] === "0" ? [] : {};
    if (Array.isArray(room)) room[Number(name)] = inner;
    else (room as Paper)[name] = inner;
    room = inner;
  }
  const value = asJson(typed, kind);
  if (value !== undefined) (room as Paper)[last] = value;
  else {
    delete (room as Paper)[last];
    // an amount that was taken away takes its currency with it: half a sum is none
    if (last === "amount") forget(paper, names);
  }
}

/** What was typed, as JSON; undefined for nothing. */
export function asJson(typed: string, kind: Kind): Json | undefined {
  const text = typed.trim();
  if (text === "") return undefined;
  switch (kind) {
    case "number":
    case "count": {
      const plain = text.replaceAll(",", "");
      return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : text;
    }
    case "amount": // exact: as it is written, never as a float
      return text.replaceAll(",", "");
    case "country":
    case "currency":
      return /^[a-z]{2,3}$/i.test(text) ? text.toUpperCase() : text;
    case "countries":
      return text
        .split(/[\s,]+/)
        .filter((part) => part !== "")
        .map((part) => part.toUpperCase());
    case "container":
      return text.replaceAll(/[\s-]/g, "").toUpperCase();
    case "code":
      return /^[\d. -]+$/.test(text) ? text.replaceAll(/[. -]/g, "") : text;
    default:
      return typed;
  }
}

/** The lines of a declaration, as far as they are objects. */
export function linesOf(paper: Paper): Paper[] {
  return Array.isArray(paper.lines) ? paper.lines.map((line) => (isPaper(line) ? line : {})) : [];
}

/** Add an empty line. */
export function addLine(paper: Paper): void {
  paper.lines = [...(Array.isArray(paper.lines) ? paper.lines : []), {}];
}

/** Take a line out. */
export function removeLine(paper: Paper, number: number): void {
  if (Array.isArray(paper.lines)) paper.lines = paper.lines.filter((_, i) => i !== number);
}

function isPaper(value: unknown): value is Paper {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function money(text: string): Paper | undefined {
  const [amount, currency, ...more] = text.trim().split(/\s+/);
  return amount && currency && !more.length ? { amount, currency } : undefined;
}

function forget(paper: Paper, names: string[]): void {
  const last = names.at(-1) ?? "";
  const room = names.length > 1 ? at(paper, names.slice(0, -1).join(".")) : paper;
  if (isPaper(room)) delete room[last];
}
