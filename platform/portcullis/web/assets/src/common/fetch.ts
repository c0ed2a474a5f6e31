/** Asking our own API: JSON in and out, and a problem document as an error with its own words. */

/** One thing that is wrong: which field, what, and the remedy. */
export interface Problem {
  field?: string | null;
  problem: string;
  remedy?: string | null;
}

/** What the API answered instead of doing it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly problems: readonly Problem[] = [],
  ) {
    super(detail);
  }
}

/** GET, or any method with a JSON body; throws `Refusal`. */
export async function ask<T>(href: string, options: RequestInit & { json?: unknown } = {}): Promise<T> {
  const { json, ...rest } = options;
  const headers = new Headers(rest.headers);
  headers.set("Accept", "application/json");
  if (json !== undefined) headers.set("Content-Type", "application/json");
  const body = json === undefined ? rest.body : JSON.stringify(json);
  const answer = await fetch(href, { ...rest, headers, ...(body === undefined ? {} : { body }) });
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

/** The refusal in an answer that is no success. */
export async function refusal(answer: Response): Promise<Refusal> {
  const said = await answer.json().catch(() => ({}));
  return new Refusal(answer.status, said.detail ?? answer.statusText, said.problems ?? []);
}
