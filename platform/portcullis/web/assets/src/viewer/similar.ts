/** The nearest normal scans, one of them beside this one. */
import { ask, Refusal } from "../common/fetch";
import { number } from "./readout";
import { say } from "./words";

export interface Similar {
  source: "assessment" | "reference";
  id: string;
  href: string | null;
  code: string;
  importer: string;
  date: string | null;
  similarity: number;
}

interface Answer {
  match: string | null;
  waiting: number;
  items: Similar[];
}

const MOST = 8;

/** The list of candidates; `open` shows one. */
export class SimilarList {
  private readonly room: HTMLElement;
  private readonly of: HTMLSelectElement;

  constructor(
    root: HTMLElement,
    private readonly href: string,
    private readonly open: (chosen: Similar | null) => void,
  ) {
    this.room = root.querySelector(".viewer-similar-list") as HTMLElement;
    this.of = root.querySelector("select[data-similar]") as HTMLSelectElement;
    this.of.addEventListener("change", () => void this.load());
  }

  /** Look for them anew and show the nearest. */
  async load(): Promise<void> {
    this.say(say("searching"));
    try {
      // scans of cases can be put beside this one; the model's references are told where there is no such scan
      let { match, waiting, items } = await this.find(true);
      if (!items.length) ({ match, waiting, items } = await this.find(false));
      if (!items.length) {
        this.say(say("none"));
        this.open(null);
        return;
      }
      const seen = items.filter(({ source }) => source === "assessment");
      const list = document.createElement("ul");
      list.append(...items.map((one) => this.row(one, one === seen[0])));
      this.room.replaceChildren();
      const hints = [match && say("shared", { match }), waiting && say("waiting", { n: waiting })].filter(
        Boolean,
      );
      if (!seen.length) hints.unshift(say("onlyReferences"));
      for (const hint of hints) {
        const said = document.createElement("p");
        said.className = "hint";
        said.textContent = String(hint);
        this.room.append(said);
      }
      this.room.append(list);
      this.open(seen[0] ?? null);
    } catch (error) {
      this.say(say("noModel", { why: error instanceof Refusal ? error.message : say("unreachable") }));
      this.open(null);
    }
  }

  private find(stored: boolean): Promise<Answer> {
    const asked = `of=${this.of.value}&normal=true&stored=${stored}&limit=${MOST}`;
    return ask<Answer>(`${this.href}/similar-scans?${asked}`);
  }

  private row(one: Similar, chosen: boolean): HTMLElement {
    const row = document.createElement("li");
    const words = [one.code, one.importer, one.date, say("similarity", { n: number(100 * one.similarity) })];
    if (one.source === "reference") {
      row.textContent = [...words, say("reference")].filter(Boolean).join(" · ");
      return row;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = words.filter(Boolean).join(" · ");
    button.setAttribute("aria-pressed", String(chosen));
    button.addEventListener("click", () => {
      for (const other of this.room.querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", "true");
      this.open(one);
    });
    row.append(button);
    return row;
  }

  private say(words: string): void {
    const said = document.createElement("p");
    said.className = "hint";
    said.textContent = words;
    this.room.replaceChildren(said);
  }
}
