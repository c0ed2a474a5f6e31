/** The keys of a deed and its sameness: a deed that is sent again after a broken line counts once. */

/** A deed as the API takes it: where it is posted, and its body without the version. */
export interface Deed {
  to: "decisions" | "outcomes" | "notes" | "assignments";
  body: Record<string, string | null>;
}

/** A decision, an outcome or a note; empty fields are left out. */
export function deedOf(kind: string, value: string, reason: string, note: string, foundHs: string): Deed {
  const noted = note.trim();
  if (kind === "note") return { to: "notes", body: { text: noted } };
  const body: Record<string, string> = { reason };
  if (noted) body.note = noted;
  if (kind === "decision") return { to: "decisions", body: { decision: value, ...body } };
  const code = foundHs.trim();
  return { to: "outcomes", body: { result: value, ...body, ...(code ? { found_hs: code } : {}) } };
}

/** Gives the same key for the same deed until it has been done, a new one for any other. */
export class Once {
  private last = "";
  private key = "";

  constructor(private readonly fresh: () => string = () => crypto.randomUUID()) {}

  /** The Idempotency-Key of a deed on a case of this version. */
  of(deed: Deed, version: number): string {
    const written = JSON.stringify([deed, version]);
    if (written !== this.last) {
      this.last = written;
      this.key = this.fresh();
    }
    return this.key;
  }

  /** It has been done: the same deed again is another one. */
  done(): void {
    this.last = "";
  }
}
