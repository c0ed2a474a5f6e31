/** The form: fields that follow the declaration and write into it. */
import { findCodes } from "../common/codes";
import { combobox } from "../common/combobox";
import { perKilogram } from "./checks";
import { codeOf, type Entry, entries, fitting } from "./lists";
import { addLine, type Kind, linesOf, type Paper, put, removeLine, shown } from "./paper";
import { say } from "./words";

// More lines than anybody fills in by hand stay in the JSON.
const MOST_LINES = 40;
const MOST_LOOKED_UP = 5;

type Field = HTMLInputElement | HTMLSelectElement;

/** Holds the declaration that is written, and the fields that show it. */
export class Form {
  paper: Paper = {};
  readonly countries = entries("countries");
  readonly currencies = entries("currencies");
  private readonly units = entries("units");
  private readonly wordings = new Map<string, string>();

  constructor(
    private readonly room: HTMLElement,
    /** Whether codes can be looked up here. */
    private readonly hasTable: boolean,
    private readonly changed: (path: string, settled: boolean) => void,
  ) {
    for (const field of this.fields()) this.wire(field);
    room.addEventListener("input", (event) => this.typed(event.target, false));
    room.addEventListener("change", (event) => this.typed(event.target, true));
    room.querySelector("#add-line")?.addEventListener("click", () => {
      addLine(this.paper);
      this.show(this.paper);
      this.changed("lines", false);
      const last = Math.min(linesOf(this.paper).length, MOST_LINES) - 1;
      document.getElementById(`f-lines.${last}.hsk`)?.focus();
    });
  }

  /** Show a declaration; its lines are drawn anew. */
  show(paper: Paper): void {
    this.paper = paper;
    const lines = linesOf(paper);
    const kept = lines.slice(0, MOST_LINES);
    const room = this.room.querySelector("#lines");
    room?.replaceChildren(...kept.map((_, i) => this.line(i, kept.length)));
    for (const field of room?.querySelectorAll<Field>("[data-field]") ?? []) this.wire(field);
    for (const field of this.fields()) this.fill(field);
    const more = this.room.querySelector<HTMLElement>("#more-lines");
    if (more) {
      more.hidden = lines.length <= MOST_LINES;
      more.textContent = say("more_lines", { n: lines.length, shown: MOST_LINES });
    }
    for (const i of kept.keys()) this.tellPerKilogram(i);
    void this.lookUp(kept);
  }

  /** The wording of codes that nobody picked: those of a file, or of a text that was pasted. */
  private async lookUp(lines: readonly Paper[]): Promise<void> {
    if (!this.hasTable) return;
    for (const [i, line] of lines.slice(0, MOST_LOOKED_UP).entries()) {
      const code = shown(line, "hsk").replaceAll(/[. -]/g, "");
      if (!/^\d{10}$/.test(code) || this.wordings.has(code)) continue;
      try {
        const [found] = await findCodes(code, AbortSignal.timeout(5000));
        this.wordings.set(code, found?.hit.code === code ? wordingOf(found.label) : "");
      } catch {
        return; // no table, or no answer: the code stands there without its wording
      }
      const field = this.room.querySelector<Field>(`[data-field="lines.${i}.hsk"]`);
      if (field) this.name(field);
    }
  }

  private fields(): Field[] {
    return [...this.room.querySelectorAll<Field>("[data-field]")];
  }

  private line(number: number, of: number): Node {
    const template = this.room.querySelector<HTMLTemplateElement>("template#line");
    const made = document.importNode(template?.content ?? document.createDocumentFragment(), true);
    for (const element of made.querySelectorAll("*"))
      for (const attribute of [...element.attributes])
        if (attribute.value.includes("#"))
          element.setAttribute(attribute.name, attribute.value.replace("#", String(number)));
    const legend = made.querySelector(".number");
    if (legend) legend.textContent = say("line", { n: number + 1 });
    const remove = made.querySelector<HTMLButtonElement>(".remove-line");
    if (remove) {
      remove.hidden = of === 1;
      remove.addEventListener("click", () => {
        removeLine(this.paper, number);
        this.show(this.paper);
        this.changed("lines", false);
        this.room.querySelector<HTMLElement>("#add-line")?.focus();
      });
    }
    return made;
  }

  private wire(field: Field): void {
    if (!(field instanceof HTMLInputElement)) return;
    const list = this.listOf(field.dataset.kind as Kind);
    if (list) combobox(field, { find: async (text) => fitting(list, text), rest: 0 });
    else if (field.dataset.kind === "code" && this.hasTable)
      combobox(field, {
        from: 2,
        find: async (text, signal) => {
          const found = await findCodes(text, signal, shown(this.paper, "date"));
          const whole = found.filter((option) => option.hit.level === 10); // a heading cannot be declared
          return whole.length ? whole : found;
        },
        picked: (option) => this.pickedCode(field, option.label, unitOf(option)),
      });
  }

  private listOf(kind: Kind): readonly Entry[] | null {
    if (kind === "country") return this.countries;
    if (kind === "currency") return this.currencies;
    return kind === "unit" ? this.units : null;
  }

  /** The wording of a code that was picked stands beside it, and its unit is filled in where there is none. */
  private pickedCode(field: HTMLInputElement, label: string, unit: string | null): void {
    const path = field.dataset.field ?? "";
    this.wordings.set(shown(this.paper, path), wordingOf(label));
    this.name(field);
    const of = path.replace(/\.hsk$/, ".unit");
    if (unit && !shown(this.paper, of)) {
      put(this.paper, of, unit, "unit");
      const there = this.room.querySelector<Field>(`[data-field="${CSS.escape(of)}"]`);
      if (there) this.fill(there);
    }
  }

  private typed(target: EventTarget | null, settled: boolean): void {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return;
    const { field: path, kind } = target.dataset;
    if (!path || !kind) return;
    const list = settled ? this.listOf(kind as Kind) : null;
    put(this.paper, path, (list && codeOf(list, target.value)) || target.value, kind as Kind);
    if (settled) this.fill(target);
    const line = /^lines\.(\d+)\./.exec(path)?.[1];
    if (line !== undefined) this.tellPerKilogram(Number(line));
    this.changed(path, settled);
  }

  private fill(field: Field): void {
    const path = field.dataset.field ?? "";
    const text = shown(this.paper, path);
    const value = field.dataset.kind === "code" ? dotted(text) : text;
    if (field.value !== value) field.value = value;
    // a value that the field cannot hold (a day that is none) stays in the declaration and is told as wrong
    this.name(field);
  }

  private name(field: Field): void {
    const path = field.dataset.field ?? "";
    const named = this.room.querySelector(`[data-named="${CSS.escape(path)}"]`);
    if (!named) return;
    const code = shown(this.paper, path);
    const list = this.listOf(field.dataset.kind as Kind);
    const name = list
      ? list.find((entry) => entry.code === code)?.name
      : this.wordings.get(code.replaceAll(/[. -]/g, ""));
    named.textContent = name ?? "";
    if (named instanceof HTMLElement) named.title = name ?? "";
  }

  private tellPerKilogram(number: number): void {
    const line = linesOf(this.paper)[number];
    for (const name of ["value", "freight"]) {
      const place = this.room.querySelector(`[data-per="lines.${number}.${name}"]`);
      if (place) place.textContent = line ? perKilogram(line, name) : "";
    }
  }

  /** Whether anything was declared beside the day. */
  get isBlank(): boolean {
    const lines = linesOf(this.paper);
    return (
      Object.keys(this.paper).every((name) => name === "date" || name === "lines") &&
      lines.every((line) => !Object.keys(line).length)
    );
  }
}

function wordingOf(label: string): string {
  return label.replace(/^\S+\s*/, "");
}

/** A code of ten digits as people write it. */
export function dotted(code: string): string {
  return /^\d{10}$/.test(code) ? `${code.slice(0, 4)}.${code.slice(4, 6)}-${code.slice(6)}` : code;
}

function unitOf(option: object): string | null {
  return (option as { hit?: { quantity_unit: string | null } }).hit?.quantity_unit ?? null;
}
