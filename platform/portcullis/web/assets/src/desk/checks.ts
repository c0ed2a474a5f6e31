/** What can be told of a declaration before it is sent; the server has the last word. */
import { at, linesOf, type Paper, shown } from "./paper";
import type { Word } from "./words";

/** One thing to put right: the field's path, the word for it, and the values in it. */
export interface Fault {
  field: string;
  word: Word;
  values?: Record<string, string | number>;
}

export interface Known {
  countries: ReadonlySet<string>;
  currencies: ReadonlySet<string>;
}

const TEXTS = ["importer", "declarant", "seller", "forwarder", "office"] as const;
const MONEY = ["value", "freight", "insurance"] as const;

/** All that is wrong, in the order of the form. */
export function check(paper: Paper, known: Known): Fault[] {
  const found: Fault[] = [];
  const wrong = (field: string, word: Word, values?: Fault["values"]) =>
    found.push(values ? { field, word, values } : { field, word });
  const id = shown(paper, "id");
  if (!id) wrong("id", "missing");
  else if (id.length > 64 || !/^[^\s/\\][^\p{Cc}/\\]*$/u.test(id)) wrong("id", "id");
  const date = shown(paper, "date");
  if (!date) wrong("date", "missing");
  else if (!isDay(date)) wrong("date", "day", { got: date });
  if (!shown(paper, "importer")) wrong("importer", "missing");
  for (const name of TEXTS) if (shown(paper, name).length > 500) wrong(name, "long", { most: 500 });
  const origin = shown(paper, "origin");
  if (!origin) wrong("origin", "missing");
  for (const name of ["origin", "departure"] as const) {
    const code = shown(paper, name);
    if (code && !known.countries.has(code)) wrong(name, "country", { got: code });
  }
  const transit = at(paper, "transit");
  if (Array.isArray(transit)) {
    const strange = transit.map(String).filter((code) => !known.countries.has(code));
    if (strange.length) wrong("transit", "country", { got: strange.join(", ") });
    else if (transit.length > 10) wrong("transit", "many", { most: 10 });
  }
  const container = shown(paper, "container");
  if (container && !/^[A-Z]{4}\d{7}$/.test(container)) wrong("container", "container", { got: container });
  const lines = linesOf(paper);
  if (!lines.length) wrong("lines", "no_lines");
  lines.forEach((line, i) => {
    for (const fault of checkLine(line, known)) found.push({ ...fault, field: `lines.${i}.${fault.field}` });
  });
  return found;
}

function checkLine(line: Paper, known: Known): Fault[] {
  const found: Fault[] = [];
  const wrong = (field: string, word: Word, values?: Fault["values"]) =>
    found.push(values ? { field, word, values } : { field, word });
  const code = shown(line, "hsk").replaceAll(/[. -]/g, "");
  if (!code) wrong("hsk", "missing");
  else if (!/^\d+$/.test(code)) wrong("hsk", "code_words", { got: code });
  else if (code.length !== 10) wrong("hsk", "code", { got: code, n: code.length });
  if (!shown(line, "name")) wrong("name", "missing");
  else if (shown(line, "name").length > 500) wrong("name", "long", { most: 500 });
  const net = weight(line, "net_kg", true, wrong);
  const gross = weight(line, "gross_kg", false, wrong);
  if (net !== null && gross !== null && gross < net) wrong("gross_kg", "gross", { gross, net });
  for (const name of ["quantity", "duty_rate"] as const) weight(line, name, false, wrong);
  const packages = at(line, "packages");
  if (packages !== undefined && packages !== null && !(Number.isInteger(packages) && Number(packages) >= 0))
    wrong("packages", "whole", { got: String(packages) });
  for (const name of MONEY) {
    const amount = shown(line, `${name}.amount`);
    const currency = shown(line, `${name}.currency`);
    if (!amount && !currency) {
      if (name === "value") wrong("value", "missing");
    } else if (!/^\d+(\.\d{1,9})?$/.test(amount)) wrong(name, "amount", { got: amount });
    else if (!known.currencies.has(currency))
      wrong(name, currency ? "currency" : "no_currency", { got: currency });
  }
  return found;
}

type Wrong = (field: string, word: Word, values?: Fault["values"]) => void;

function weight(line: Paper, name: string, needed: boolean, wrong: Wrong): number | null {
  const value = at(line, name);
  if (value === undefined || value === null) {
    if (needed) wrong(name, "missing");
    return null;
  }
  if (typeof value === "number" && value >= 0) return value;
  wrong(name, "number", { got: String(value) });
  return null;
}

/** Whether a text is a day of the calendar. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** Value per kilogram of a line, for the eye; "" where it cannot be told. */
export function perKilogram(line: Paper, name: string): string {
  const amount = Number(shown(line, `${name}.amount`));
  const net = Number(shown(line, "net_kg"));
  const currency = shown(line, `${name}.currency`);
  if (!(amount > 0 && net > 0 && currency)) return "";
  return `${(amount / net).toPrecision(4)} ${currency}/kg`;
}
