/** A series as its table holds it, and what a plot needs of it. */

export type Measure = "price" | "freight" | "weight";
export const MEASURES: readonly Measure[] = ["price", "freight", "weight"];

/** A value of one month with its range; null where there is none. */
export interface Measured {
  value: number | null;
  low: number | null;
  high: number | null;
  outside: "" | "above" | "below";
}

export interface Month extends Record<Measure, Measured> {
  month: string;
  flagged: boolean;
}

/** Points of a band without a gap: [month's place, low, high]. */
export type Run = [number, number, number][];

/** A number as an attribute holds it; "" is none. */
export function figure(text: string | undefined): number | null {
  if (!text) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** All months from the first to the last, both as YYYY-MM and included. */
export function monthsBetween(first: string, last: string): string[] {
  const count = (text: string) => Number(text.slice(0, 4)) * 12 + Number(text.slice(5)) - 1;
  const found: string[] = [];
  for (let n = count(first); n <= count(last); n++) {
    found.push(`${Math.floor(n / 12)}-${String((n % 12) + 1).padStart(2, "0")}`);
  }
  return found;
}

/** The months as a plot has them: those without trade are there too, with nothing in them. */
export function complete(months: readonly Month[], until: string): Month[] {
  const [first, last] = [months[0]?.month, months.at(-1)?.month];
  if (!first || !last) return [];
  const by = new Map(months.map((each) => [each.month, each]));
  const nothing = (): Measured => ({ value: null, low: null, high: null, outside: "" });
  return monthsBetween(first, until > last ? until : last).map(
    (month) =>
      by.get(month) ?? { month, flagged: false, price: nothing(), freight: nothing(), weight: nothing() },
  );
}

/** Where the range is known, in runs without a gap; on a logarithmic axis only what lies above zero. */
export function runs(months: readonly Month[], measure: Measure, log: boolean): Run[] {
  const found: Run[] = [];
  let run: Run = [];
  months.forEach((month, at) => {
    const { low, high } = month[measure];
    if (low === null || high === null || (log && high <= 0)) {
      if (run.length) found.push(run);
      run = [];
      return;
    }
    run.push([at, low, high]);
  });
  if (run.length) found.push(run);
  if (log) {
    const least = Math.min(
      ...months
        .flatMap((m) => [m[measure].value, m[measure].low])
        .filter((v): v is number => v !== null && v > 0),
    );
    return found.map((each) => each.map(([at, low, high]) => [at, low > 0 ? low : least, high]));
  }
  return found;
}

/** Values for a line; on a logarithmic axis nothing where there is nothing above zero. */
export function values(months: readonly Month[], measure: Measure, log: boolean): (number | null)[] {
  return months.map((month) => {
    const { value } = month[measure];
    return value === null || (log && value <= 0) ? null : value;
  });
}

/** The series of a table, and the declaration's own month and values. */
export function read(table: HTMLElement): {
  months: Month[];
  declaredMonth: string;
  declared: Record<Measure, number | null>;
  freightUnit: string;
} {
  const months = [...table.querySelectorAll<HTMLElement>("tr[data-month]")].map((row) => {
    const of = (measure: Measure): Measured => ({
      value: figure(row.dataset[measure]),
      low: figure(row.dataset[`${measure}Low`]),
      high: figure(row.dataset[`${measure}High`]),
      outside: (row.dataset[`${measure}Out`] ?? "") as Measured["outside"],
    });
    return {
      month: row.dataset.month ?? "",
      flagged: row.dataset.flagged === "1",
      price: of("price"),
      freight: of("freight"),
      weight: of("weight"),
    };
  });
  return {
    months,
    declaredMonth: table.dataset.declared ?? "",
    declared: {
      price: figure(table.dataset.declaredPrice),
      freight: figure(table.dataset.declaredFreight),
      weight: null,
    },
    freightUnit: table.dataset.freightUnit ?? "",
  };
}
