/** Places on the scan that officers commented: kept with the case as notes, shown as numbered boxes. */

import type Feature from "ol/Feature";
import { ask, Refusal } from "../common/fetch";
import { notice } from "../common/notice";
import { language } from "../common/words";
import { boxFeature } from "./drawings";
import type { Pane } from "./pane";
import type { Box } from "./raster";
import type { Shape } from "./shape";
import { say } from "./words";

interface Deed {
  id: string;
  kind: string;
  at: string;
  account: string;
  text: string | null;
  box: Box | null;
}

interface Mark {
  id: string;
  at: string;
  account: string;
  text: string;
  box: Box;
}

export class Marks {
  private marks: Mark[] = [];
  private features: Feature[] = [];
  private visible = true;
  private chosen = "";
  private waiting: Shape | null = null;
  private readonly form: HTMLFormElement | null;
  private readonly list: HTMLElement;
  private readonly count: HTMLElement;

  constructor(
    root: HTMLElement,
    private readonly href: string,
    private readonly pane: Pane,
  ) {
    this.form = root.querySelector("form.viewer-comment");
    this.list = root.querySelector(".viewer-marks ol") as HTMLElement;
    this.count = root.querySelector(".viewer-marks summary") as HTMLElement;
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
    this.form?.querySelector("[data-cancel]")?.addEventListener("click", () => this.drop());
    this.form?.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.drop();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form?.requestSubmit();
    });
  }

  async load(): Promise<void> {
    const { events } = await ask<{ events: Deed[] }>(`${this.href}/casework`);
    this.marks = events.flatMap(({ id, at, account, text, box }) =>
      box && text !== null ? [{ id, at, account, text, box }] : [],
    );
    this.show();
  }

  /** Ask for the comment of a box that was drawn. */
  comment(shape: Shape): void {
    if (!this.form) return;
    this.waiting = shape;
    this.form.hidden = false;
    this.form.querySelector("textarea")?.focus();
  }

  get writing(): boolean {
    return this.waiting !== null;
  }

  /** Let a box without a comment go. */
  drop(): void {
    this.waiting?.erase();
    this.waiting = null;
    if (this.form && !this.form.hidden) {
      this.form.hidden = true;
      this.form.reset();
      this.pane.element.focus();
    }
  }

  toggle(visible: boolean): void {
    this.visible = visible;
    this.draw();
  }

  draw(): void {
    for (const feature of this.features) this.pane.drawings.removeFeature(feature);
    this.features = this.visible
      ? this.marks.map(({ id, box }, i) =>
          boxFeature(this.pane.scan.grid, box, "mark", String(i + 1), id === this.chosen),
        )
      : [];
    this.pane.drawings.addFeatures(this.features);
  }

  private async save(): Promise<void> {
    const shape = this.waiting;
    const field = this.form?.querySelector("textarea");
    const wrong = this.form?.querySelector<HTMLElement>(".wrong");
    const text = field?.value.trim() ?? "";
    if (!shape || !field || !text) {
      field?.focus();
      return;
    }
    try {
      const { id, at, account } = await ask<Deed>(`${this.href}/notes`, {
        method: "POST",
        json: { text, box: shape.box },
      });
      this.marks.push({ id, at, account, text, box: shape.box });
      this.chosen = id;
      this.drop();
      this.show();
      if (wrong) wrong.hidden = true;
      notice(say("marked"));
      // others on this page may want to show the case's history anew
      document.dispatchEvent(new CustomEvent("portcullis:casework"));
    } catch (error) {
      const why =
        error instanceof Refusal ? (error.problems[0]?.problem ?? error.message) : say("unreachable");
      if (wrong) {
        wrong.textContent = say("notSaved", { why });
        wrong.hidden = false;
      }
    }
  }

  private show(): void {
    this.count.textContent = this.marks.length ? say("marks", { n: this.marks.length }) : say("nobody");
    this.list.replaceChildren(...this.marks.map((mark, i) => this.row(mark, i + 1)));
    this.draw();
  }

  private row({ id, at, account, text, box }: Mark, place: number): HTMLElement {
    const row = document.createElement("li");
    const go = document.createElement("button");
    go.type = "button";
    go.className = "quiet";
    go.textContent = String(place);
    const said = document.createElement("span");
    said.id = `mark-${id}`;
    said.textContent = text;
    go.setAttribute("aria-describedby", said.id);
    go.addEventListener("click", () => {
      this.chosen = id;
      this.draw();
      this.pane.fit(box);
    });
    const who = document.createElement("small");
    const when = new Date(at).toLocaleString(language(), {
      dateStyle: "short",
      timeStyle: "short",
      hour12: false,
    });
    who.textContent = `${account} · ${when}`;
    row.append(go, said, who);
    return row;
  }
}
