/** Problems beside their fields, and all of them in one list above the form, each leading to its field. */
import type { Problem } from "../common/fetch";

/** A problem as it is told; lang: of its text, where that is not the page's. */
export interface Told extends Problem {
  lang?: string;
}

/** Show problems: in the list what each one is, beside its field again. Focus goes to the list. */
export function showProblems(
  title: string,
  problems: readonly Told[],
  label: (field: string) => string,
): void {
  clearProblems();
  const room = document.querySelector<HTMLElement>("#problems");
  if (!room) return;
  const alert = document.createElement("div");
  alert.className = "alert";
  alert.setAttribute("role", "alert");
  const heading = document.createElement("h2");
  heading.textContent = title;
  const list = document.createElement("ul");
  list.className = "problems";
  for (const problem of problems.slice(0, 40)) list.append(entry(problem, label));
  alert.append(heading, ...(problems.length ? [list] : []));
  room.replaceChildren(alert);
  for (const problem of problems) beside(problem.field ?? "", textOf(problem));
  room.focus();
  room.scrollIntoView({ block: "nearest" });
}

/** Take all problems away. */
export function clearProblems(): void {
  document.querySelector("#problems")?.replaceChildren();
  for (const place of document.querySelectorAll<HTMLElement>("[data-wrong]")) place.textContent = "";
  for (const input of document.querySelectorAll("#consignment [aria-invalid]"))
    input.removeAttribute("aria-invalid");
}

/** Say, or with "" unsay, what is wrong with one field. */
export function beside(field: string, text: string): void {
  const place = placeOf(field);
  if (place) place.textContent = text;
  const input = inputOf(field);
  if (!input) return;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** The field of a path, or of the nearest path above or below it: `lines.0.value` is its amount. */
export function inputOf(field: string): HTMLElement | null {
  const find = (path: string) => document.getElementById(`f-${path}`);
  const other: Record<string, string> = { scan: "scan", photo: "photo", declaration: "file" };
  const slot = other[field];
  if (slot) return document.getElementById(slot);
  for (let path = field; path; path = path.split(".").slice(0, -1).join(".")) {
    const found = find(path) ?? find(`${path}.amount`);
    if (found) return found;
    if (/^lines\.\d+$/.test(path)) return find(`${path}.gross_kg`);
  }
  return null;
}

function placeOf(field: string): HTMLElement | null {
  const find = (path: string) => document.querySelector<HTMLElement>(`[data-wrong="${CSS.escape(path)}"]`);
  for (let path = field; path; path = path.split(".").slice(0, -1).join(".")) {
    const found = find(path);
    if (found) return found;
  }
  return null;
}

function entry(problem: Told, label: (field: string) => string): HTMLLIElement {
  const item = document.createElement("li");
  const field = problem.field ?? "";
  const named = label(field);
  const input = field ? inputOf(field) : null;
  if (named) {
    const link = document.createElement(input ? "a" : "strong");
    link.textContent = named;
    if (link instanceof HTMLAnchorElement && input) {
      link.href = `#${input.id}`;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        input.focus();
      });
    }
    item.append(link, " ");
  }
  if (field) {
    const code = document.createElement("code");
    code.textContent = field;
    item.append(code, " ");
  }
  const what = document.createElement("span");
  what.textContent = textOf(problem);
  if (problem.lang) what.lang = problem.lang;
  item.append(what);
  return item;
}

function textOf(problem: Problem): string {
  return [problem.problem, problem.remedy].filter(Boolean).join(" — ");
}
