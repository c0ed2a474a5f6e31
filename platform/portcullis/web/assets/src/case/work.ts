/** Two taps: what was decided or found, and why. The case's version goes with it, so nobody overwrites another. */
import { findCodes } from "../common/codes";
import { combobox } from "../common/combobox";
import { ask, Refusal } from "../common/fetch";
import { key } from "../common/keys";
import { notice } from "../common/notice";
import { type Deed, deedOf, Once } from "./taps";
import { say } from "./words";

const once = new Once();
let release: (() => void)[] = [];
let opened: { kind: string; value: string } | null = null;
let sending = false;

/** Wire the bar at the lower edge; a page for reading only has none. */
export function work(): void {
  if (!bar()) return;
  wire();
  key("o", say("outcome"), () => choose("outcome"));
  key("d", say("decision"), () => choose("decision"));
  key("c", say("note"), () => open("note", ""));
  key("t", say("take"), () => bar()?.querySelector<HTMLButtonElement>("#work-take")?.click());
}

function bar(): HTMLElement | null {
  return document.querySelector<HTMLElement>("#work");
}

function all<T extends HTMLElement>(selector: string): T[] {
  return [...(bar()?.querySelectorAll<T>(selector) ?? [])];
}

function field(id: string): HTMLInputElement | null {
  return bar()?.querySelector<HTMLInputElement>(id) ?? null;
}

function wire(): void {
  for (const button of all<HTMLButtonElement>(".taps [data-deed]"))
    button.addEventListener("click", () => {
      const { deed = "", value = "" } = button.dataset;
      if (opened?.kind === deed && opened.value === value) close();
      else open(deed, value);
    });
  for (const button of all<HTMLButtonElement>("[data-reason]"))
    button.addEventListener("click", () => void tap(button.dataset.reason ?? "", button.textContent ?? ""));
  field("#work-take")?.addEventListener("click", () => void take());
  field("#work-write")?.addEventListener("click", () => void tap("", ""));
  field("#work-cancel")?.addEventListener("click", close);
  field("#work-note")?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && opened?.kind === "note") void tap("", "");
  });
  bar()
    ?.querySelector("#work-panel")
    ?.addEventListener("keydown", (event) => {
      if ((event as KeyboardEvent).key === "Escape") close();
    });
  const found = field("#found-hs");
  if (found) combobox(found, { find: findCodes, from: 2 });
}

/** The first tap by keyboard: digits pick among the buttons of one kind until one is picked. */
function choose(kind: "outcome" | "decision"): void {
  close();
  const buttons = all<HTMLButtonElement>(`.taps [data-deed=${kind}]:not(:disabled)`);
  if (!buttons.length) return;
  show(buttons[0]);
  release = buttons.map((button) =>
    key(button.dataset.key ?? "", button.textContent?.trim() ?? "", () =>
      open(kind, button.dataset.value ?? ""),
    ),
  );
  release.push(key("Escape", say("close"), close));
}

/** Show the reasons of a decision or result, or the field of a note; digits tap the second time. */
function open(kind: string, value: string): void {
  close();
  const panel = bar()?.querySelector<HTMLElement>("#work-panel");
  if (!panel) return;
  opened = { kind, value };
  panel.hidden = false;
  for (const each of all<HTMLElement>("[data-of]")) each.hidden = each.dataset.of !== `${kind} ${value}`;
  for (const each of all<HTMLElement>("[data-for]"))
    each.hidden = !(each.dataset.for ?? "").split(" ").includes(kind);
  for (const each of all<HTMLElement>(".taps [data-deed]"))
    each.setAttribute(
      "aria-expanded",
      String(each.dataset.deed === kind && (each.dataset.value ?? "") === value),
    );
  const reasons = all<HTMLButtonElement>(`[data-of="${kind} ${value}"] [data-reason]`);
  release = reasons.map((button) =>
    key(button.dataset.key ?? "", button.textContent?.trim() ?? "", () => button.click()),
  );
  release.push(key("Escape", say("close"), close));
  show(kind === "note" ? field("#work-note") : reasons[0]);
}

function close(): void {
  for (const each of release) each();
  release = [];
  const panel = bar()?.querySelector<HTMLElement>("#work-panel");
  const was = all<HTMLButtonElement>(".taps [aria-expanded=true]")[0];
  if (panel && !panel.hidden) {
    const held = panel.contains(document.activeElement);
    panel.hidden = true;
    if (held) show(was);
  }
  for (const each of all<HTMLElement>(".taps [data-deed]")) each.setAttribute("aria-expanded", "false");
  wrong("");
  opened = null;
}

/** Focus without scrolling: the bar is in view wherever the page stands. */
function show(element: HTMLElement | null | undefined): void {
  element?.focus({ preventScroll: true });
}

/** The second tap. */
async function tap(reason: string, words: string): Promise<void> {
  if (!opened) return;
  const { kind, value } = opened;
  const note = field("#work-note")?.value ?? "";
  if (kind === "note" && !note.trim()) {
    wrong(say("empty"), "#work-note");
    return;
  }
  const said = all(`.taps [data-deed=${kind}][data-value="${value}"]`)[0]?.textContent?.trim() ?? "";
  const what = `${said} · ${words.replace(/^\S\s+/, "").trim()}`;
  const deed = deedOf(kind, value, reason, note, field("#found-hs")?.value ?? "");
  await send(deed, kind === "note" ? say("noted") : say("recorded", { what }));
}

async function take(): Promise<void> {
  const me = document.querySelector(".menu summary")?.textContent?.trim() ?? "";
  await send({ to: "assignments", body: { assignee: me } }, say("taken"));
}

async function send(deed: Deed, done: string): Promise<void> {
  const here = bar();
  if (!here || sending) return;
  const version = Number(here.dataset.version);
  sending = true;
  here.setAttribute("aria-busy", "true");
  try {
    await ask(`/v1/assessments/${here.dataset.case}/${deed.to}`, {
      method: "POST",
      json: { ...deed.body, version },
      headers: { "Idempotency-Key": once.of(deed, version) },
    });
    once.done();
    close();
    await renew();
    notice(done);
    document.dispatchEvent(new CustomEvent("portcullis:worked", { detail: { to: deed.to } }));
  } catch (error) {
    if (error instanceof Refusal && error.status === 409) await conflict(version);
    else if (error instanceof Refusal) {
      const problem = error.problems[0];
      const text = problem ? [problem.problem, problem.remedy].filter(Boolean).join(" — ") : error.message;
      wrong(text, problem?.field === "found_hs" || problem?.field === "hs" ? "#found-hs" : "#work-note");
    } else wrong(say("again"));
  } finally {
    sending = false;
    bar()?.removeAttribute("aria-busy");
  }
}

/** Somebody was faster: show what they did, keep what was typed and which tap it was. */
async function conflict(seen: number): Promise<void> {
  const before = opened;
  const typed = { note: field("#work-note")?.value ?? "", code: field("#found-hs")?.value ?? "" };
  close();
  await renew(seen);
  const closed = all<HTMLButtonElement>(`.taps [data-deed=${before?.kind ?? "none"}]`)[0]?.disabled;
  if (before && !closed) open(before.kind, before.value);
  const note = field("#work-note");
  const code = field("#found-hs");
  if (note) note.value = typed.note;
  if (code) code.value = typed.code;
  notice(say("changed"), "trouble");
}

/** Where the case stands now; `seen`: the version from which on others' deeds are told. */
async function renew(seen?: number): Promise<void> {
  const here = bar();
  if (!here) return;
  const query = seen === undefined ? "" : `?seen=${seen}`;
  const answer = await fetch(`/assessments/${here.dataset.case}/work${query}`, {
    headers: { "HX-Request": "true" },
  });
  const elsewhere = answer.headers.get("HX-Redirect"); // signed out meanwhile
  if (elsewhere) return location.assign(elsewhere);
  if (!answer.ok) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["standing", "work"]) {
    const made = fresh.getElementById(id);
    if (made) document.getElementById(id)?.replaceWith(document.adoptNode(made));
  }
  wire();
}

function wrong(text: string, at?: string): void {
  const place = bar()?.querySelector("#work-wrong");
  if (place) place.textContent = text;
  for (const each of all(".extras input")) each.removeAttribute("aria-invalid");
  const input = at ? field(at) : null;
  if (input && text) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", "work-wrong");
    show(input);
  }
}
