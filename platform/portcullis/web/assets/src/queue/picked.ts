/** Which cases are selected: kept for this window, so that paging and filtering do not lose them. */
const ROOM = "portcullis:picked";

export class Picked {
  private readonly ids: Set<string>;

  constructor(private readonly room: Pick<Storage, "getItem" | "setItem"> = sessionStorage) {
    this.ids = new Set(JSON.parse(room.getItem(ROOM) ?? "[]"));
  }

  get all(): string[] {
    return [...this.ids];
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  set(ids: readonly string[], on: boolean): void {
    for (const id of ids) on ? this.ids.add(id) : this.ids.delete(id);
    this.room.setItem(ROOM, JSON.stringify(this.all));
  }

  clear(): void {
    this.set(this.all, false);
  }
}

/** What lies from one row to another, both included, whichever comes first. */
export function between<T>(rows: readonly T[], one: T, other: T): T[] {
  const [first, last] = [rows.indexOf(one), rows.indexOf(other)].sort((a, b) => a - b);
  return first === undefined || last === undefined || first < 0 ? [] : rows.slice(first, last + 1);
}
