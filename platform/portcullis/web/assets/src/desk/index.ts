/** The inspector's desk: a declaration by form, JSON or file, a scan and a photo, sent with progress. */
import type { Problem } from "../common/fetch";
import { key } from "../common/keys";
import { notice } from "../common/notice";
import { check, type Fault } from "./checks";
import { Files } from "./files";
import { Form } from "./form";
import { blank, fault, type Paper, parsed, written } from "./paper";
import { beside, clearProblems, showProblems, type Told } from "./problems";
import { Progress } from "./progress";
import { Cancelled, Refused, type Sending, send, Unreachable } from "./send";
import { say } from "./words";

const page = document.querySelector<HTMLFormElement>("#consignment");
if (page) start(page);

function start(room: HTMLFormElement): void {
  const part = <T extends HTMLElement>(id: string): T => {
    const found = document.getElementById(id);
    if (!found) throw new Error(id);
    return found as T;
  };
  const text = part<HTMLTextAreaElement>("text");
  const tabs = { form: part("tab-form"), json: part("tab-json") };
  const panels = { form: part("as-form"), json: part("as-json") };
  const progress = new Progress(part("checks").textContent ?? "");
  for (const each of document.querySelectorAll<HTMLElement>(".scripts-only")) each.hidden = false;

  let tab: "form" | "json" = "form";
  let sending: Sending | null = null;
  let changed = false;
  let leaving = false;
  let attempt = { body: "", number: 0 };

  const known = () => ({
    countries: new Set(form.countries.map((entry) => entry.code)),
    currencies: new Set(form.currencies.map((entry) => entry.code)),
  });
  const form = new Form(panels.form, room.dataset.table === "yes", (path, settled) => {
    changed = true;
    if (settled) tellField(path);
  });
  const files = new Files(
    part("drop"),
    Math.min(Number(room.dataset.mostScan), Number(room.dataset.mostBody)),
    {
      declaration: readDeclaration,
      changed: () => {
        changed = true;
      },
      tell: (said) => progress.say(said),
      wrong: (slot, said) => beside(slot, said),
    },
  );

  const earlier = text.value.trim();
  form.show(parsed(earlier) ?? blank(room.dataset.today ?? ""));
  turn(earlier && !parsed(earlier) ? "json" : "form");
  listen();

  function listen(): void {
    for (const name of ["form", "json"] as const) {
      tabs[name].addEventListener("click", () => goTo(name));
      tabs[name].addEventListener("keydown", (event) => {
        if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
        event.preventDefault();
        goTo(name === "form" ? "json" : "form");
        tabs[tab].focus();
      });
    }
    text.addEventListener("input", () => {
      changed = true;
    });
    room.addEventListener("submit", (event) => {
      event.preventDefault();
      void submit();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void submit();
    });
    part("cancel").addEventListener("click", () => sending?.cancel());
    part<HTMLFormElement>("sample").addEventListener("submit", (event) => {
      event.preventDefault();
      void loadSample();
    });
    document.addEventListener("paste", (event) => {
      // text pasted outside of any field, if it is a declaration
      const into = event.target as HTMLElement;
      const said = event.clipboardData?.getData("text/plain") ?? "";
      if (into.matches("input, textarea") || !parsed(said)) return;
      event.preventDefault();
      hold(said);
    });
    window.addEventListener("beforeunload", (event) => {
      if (changed && !leaving && !(tab === "form" && form.isBlank && !files.chosen.scan.length))
        event.preventDefault();
    });
    key("a", say("send_key"), () => void submit());
    key("x", say("switch_key"), () => goTo(tab === "form" ? "json" : "form"));
  }

  function turn(to: "form" | "json"): void {
    tab = to;
    for (const name of ["form", "json"] as const) {
      tabs[name].setAttribute("aria-selected", String(name === to));
      tabs[name].tabIndex = name === to ? 0 : -1;
      panels[name].hidden = name !== to;
    }
  }

  /** Change between form and JSON; both hold the same, so a text that is no JSON stays where it is. */
  function goTo(to: "form" | "json"): void {
    if (to === tab) return;
    if (to === "json") {
      text.value = form.isBlank ? "" : written(form.paper);
      turn("json");
      return;
    }
    const paper = text.value.trim() ? parsed(text.value) : blank(room.dataset.today ?? "");
    if (paper) {
      form.show(paper);
      turn("form");
    } else {
      showProblems(say("kept_form", { why: why(text.value) }), [], label);
      text.focus();
    }
  }

  /** Take a declaration in as text: into the form if it is one, else into the JSON as it is. */
  function hold(said: string): void {
    clearProblems();
    changed = true;
    text.value = said;
    const paper = parsed(said);
    if (paper) form.show(paper);
    turn(paper ? tab : "json");
    if (!paper) showProblems(why(said), [], label);
  }

  async function readDeclaration(file: File): Promise<void> {
    hold(await file.text());
    const list = document.querySelector("[data-files=declaration]");
    const item = document.createElement("li");
    item.textContent = file.name;
    list?.replaceChildren(item);
  }

  function why(said: string): string {
    const found = fault(said);
    return found === "object" ? say("no_object") : say("no_json", { why: found });
  }

  function tellField(path: string): void {
    const here = path.replace(/\.(amount|currency)$/, "");
    const faults = check(form.paper, known());
    for (const field of here.endsWith("_kg") ? [here, here.replace(/[a-z]+_kg$/, "gross_kg")] : [here]) {
      const found = faults.find((each) => each.field === field);
      beside(field, found && found.word !== "missing" ? worded(found) : "");
    }
  }

  async function loadSample(): Promise<void> {
    try {
      const [paper, scan] = await Promise.all([
        fetched("/desk/sample/declaration.json").then((answer) => answer.text()),
        fetched("/desk/sample/scan.tif").then((answer) => answer.blob()),
      ]);
      hold(paper);
      const id = String((parsed(paper) as Paper).id);
      files.take([new File([scan], `${id}.tif`, { type: "image/tiff" })], "scan", true);
      await files.reading;
      notice(say("sample_ready"));
      part("assess").focus();
    } catch {
      notice(say("sample_failed"), "trouble");
    }
  }

  /** What is sent, or null after what is wrong with it has been shown. */
  function composed(): string | null {
    const said = tab === "json" ? text.value : written(form.paper);
    if (tab === "json") {
      if (parsed(said)) return said;
      const problem = said.trim() ? why(said) : say("missing");
      showProblems(say("check", { n: 1 }), [{ field: "declaration", problem }], label);
      return null;
    }
    const faults = check(form.paper, known());
    if (!faults.length) return said;
    const problems = faults.map((each) => ({ field: each.field, problem: worded(each) }));
    showProblems(say("check", { n: faults.length }), problems, label);
    return null;
  }

  async function submit(): Promise<void> {
    if (sending) return;
    await files.reading;
    clearProblems();
    const said = composed();
    if (said === null) return;
    const { scan, photo } = files.chosen;
    if (scan.length > 3) {
      showProblems(say("check", { n: 1 }), [{ field: "scan", problem: say("most_files") }], label);
      return;
    }
    const body = new FormData();
    body.set("declaration", said);
    for (const file of scan) body.append("scan", file, file.name);
    if (photo) body.set("photo", photo, photo.name);
    const chosen = [...scan, ...(photo ? [photo] : [])];
    const same = JSON.stringify([said, chosen.map((file) => [file.name, file.size, file.lastModified])]);
    if (same !== attempt.body) attempt = { body: same, number: attempt.number + 1 };
    const once = room.querySelector<HTMLInputElement>("[name=once]")?.value ?? "";
    sending = send(body, `desk:${once}:${attempt.number}`, progress);
    progress.begin();
    try {
      const { id } = await sending.answer;
      leaving = true;
      location.assign(`/assessments/${id}`);
    } catch (error) {
      progress.end();
      refused(error);
    } finally {
      sending = null;
    }
  }

  /** The server speaks English: what our own checks find in the same field is said in the page's language. */
  function inOurWords(problems: readonly Problem[]): Told[] {
    const paper = tab === "json" ? parsed(text.value) : form.paper;
    const ours = paper ? check(paper, known()) : [];
    return problems.map((problem) => {
      const same = ours.find((each) => each.field === problem.field);
      return same ? { field: same.field, problem: worded(same) } : { ...problem, lang: "en" };
    });
  }

  function refused(error: unknown): void {
    if (error instanceof Cancelled) notice(say("cancelled"));
    else if (error instanceof Unreachable) showProblems(say("unreachable"), [], label);
    else if (error instanceof Refused && error.status === 429)
      showProblems(say("busy", { n: error.seconds ?? 5 }), [], label);
    else if (error instanceof Refused && error.problems.length)
      showProblems(say("mend"), inOurWords(error.problems), label);
    else if (error instanceof Refused)
      showProblems(error.message || say("failed", { status: error.status }), [], label);
    else throw error;
  }
}

async function fetched(href: string): Promise<Response> {
  const answer = await fetch(href);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

function worded(found: Fault): string {
  return say(found.word, found.values);
}

/** A field's name as the form has it, with its line. */
function label(field: string): string {
  const own =
    document.querySelector(`label[for="f-${CSS.escape(field)}"], label[for="${CSS.escape(field)}"]`) ??
    document.getElementById(`l-${field}`) ??
    (field === "declaration" ? document.querySelector("label[for=file]") : null);
  const name = own?.firstChild?.textContent?.trim() ?? "";
  const line = /^lines\.(\d+)/.exec(field)?.[1];
  const where = line === undefined ? "" : say("line", { n: Number(line) + 1 });
  return [where, name].filter((each) => each !== "").join(" · ");
}
