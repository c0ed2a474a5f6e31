/** The queue: keys, selection, bulk deeds, saved views and the budget. */
import { ask, Refusal } from "../common/fetch";
import { key } from "../common/keys";
import { notice } from "../common/notice";
import { speaker } from "../common/words";
import { isoDay } from "./days";
import { between, Picked } from "./picked";
import { markWrong } from "./wrong";

const say = speaker({
  ko: {
    next: "다음 건",
    previous: "이전 건",
    open: "건 열기",
    pick: "선택하거나 선택 해제",
    range: "여기까지 선택",
    assign: "선택한 건 배정",
    search: "검색",
    done: "처리한 건수: {n}",
    refused: "처리하지 못한 건수: {n}. {why}",
    copied: "링크를 복사했습니다.",
    saved: "보기를 저장했습니다.",
    chosen: "{n}개 선택",
    any: "전체",
  },
  en: {
    next: "Next case",
    previous: "Previous case",
    open: "Open the case",
    pick: "Select or deselect",
    range: "Select up to here",
    assign: "Assign the selected cases",
    search: "Search",
    done: "Cases done: {n}",
    refused: "Cases not done: {n}. {why}",
    copied: "The link was copied.",
    saved: "The view was saved.",
    chosen: "{n} chosen",
    any: "Any",
  },
});
const picked = new Picked();
let current: HTMLTableRowElement | undefined;
let anchor: HTMLTableRowElement | undefined;

const find = <T extends HTMLElement>(selector: string) => document.querySelector<T>(selector);
const rows = () => [...document.querySelectorAll<HTMLTableRowElement>("#cases tr[data-case]")];
const id = (row: HTMLTableRowElement) => row.dataset.case ?? "";

async function tried(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const words =
      error instanceof Refusal ? [error.message, ...error.problems.map((p) => p.remedy)] : [error];
    notice(words.filter(Boolean).join(" — "), "trouble");
  }
}

function show(): void {
  for (const row of rows()) {
    const on = picked.has(id(row));
    row.setAttribute("aria-selected", String(on));
    const box = row.querySelector<HTMLInputElement>(".pick");
    if (box) box.checked = on;
  }
  const count = find("#picked");
  if (count) count.textContent = String(picked.all.length);
  const bulk = find("#bulk");
  if (bulk) bulk.hidden = picked.all.length === 0;
}

function goTo(step: number): void {
  const all = rows();
  const at = current ? all.indexOf(current) : -1;
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  if (!next) return;
  current?.classList.remove("current");
  current = next;
  next.classList.add("current");
  next.querySelector<HTMLAnchorElement>("a")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function pick(row: HTMLTableRowElement, upTo: boolean): void {
  if (!row.querySelector(".pick")) return;
  const some = upTo && anchor ? between(rows(), anchor, row) : [row];
  picked.set(some.map(id), upTo || !picked.has(id(row)));
  anchor = row;
  show();
}

interface Done {
  done: number;
  items: { id: string; done: boolean; problem: string | null }[];
}

async function deed(body: Record<string, unknown>): Promise<void> {
  const ids = picked.all;
  for (let from = 0; from < ids.length; from += 500) {
    const told = await ask<Done>("/v1/queue/deeds", {
      method: "POST",
      json: { ids: ids.slice(from, from + 500), ...body },
      headers: { "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") },
    });
    picked.set(
      told.items.filter((item) => item.done).map((item) => item.id),
      false,
    );
    const refused = told.items.filter((item) => !item.done);
    if (told.done) notice(say("done", { n: told.done }));
    if (refused.length)
      notice(say("refused", { n: refused.length, why: refused[0]?.problem ?? "" }), "trouble");
  }
  filter?.requestSubmit();
  show();
}

document.addEventListener("click", (event) => {
  const target = event.target as HTMLElement;
  const row = target.closest<HTMLTableRowElement>("tr[data-case]");
  if (target.matches(".pick") && row) pick(row, event.shiftKey);
  if (target.matches("#pick-all")) {
    picked.set(rows().map(id), (target as HTMLInputElement).checked);
    show();
  }
  if (target.matches("#bulk-none")) {
    picked.clear();
    show();
  }
  if (target.matches("#bulk-assign")) {
    const assignee = find<HTMLSelectElement>("#bulk-assignee")?.value || null;
    void tried(() => deed({ deed: "assign", assignee }));
  }
  if (target.matches("#bulk-inspect"))
    void tried(() => deed({ deed: "decide", decision: "inspect", reason: "risk" }));
  if (target.matches("#share"))
    void tried(async () => {
      await navigator.clipboard.writeText(location.href);
      notice(say("copied"));
    });
  if (target.matches("#publish"))
    void tried(async () => {
      const made = await ask<{ id: string }>(target.dataset.address ?? "", {
        method: "POST",
        json: { fingerprint: target.dataset.fingerprint },
      });
      location.assign(`/queue?selection=${made.id}`);
    });
  if (target.matches(".drop-view"))
    void tried(async () => {
      await ask(`/v1/views/${target.dataset.view}`, { method: "DELETE" });
      target.closest("p")?.remove();
    });
  for (const open of document.querySelectorAll<HTMLDetailsElement>(".pick-list[open]"))
    if (!open.contains(target)) open.open = false;
});

const filter = find<HTMLFormElement>("#filter");

/** By what a share is measured is a question only with a share and kinds. */
function offerTopBy(): void {
  const by = find<HTMLSelectElement>("#f-top_by");
  const asked = find<HTMLSelectElement>("#f-top")?.value && find("[name=kind]:checked");
  if (by) by.disabled = !asked;
  const whole = find("#top-by");
  if (whole) whole.hidden = !asked;
}

/** How many values of a list are ticked stands on it. */
function count(list: HTMLDetailsElement): void {
  const ticked = list.querySelectorAll("input[name]:checked").length;
  const shown = list.querySelector(".chosen");
  if (shown) shown.textContent = ticked ? say("chosen", { n: ticked }) : say("any");
}

// before htmx asks with the form as it then stands
document.addEventListener(
  "change",
  (event) => {
    const box = event.target as HTMLInputElement;
    if (box.matches(".day")) box.value = isoDay(box.value);
    if (box.matches(".whole-group"))
      for (const one of box.closest("div")?.querySelectorAll<HTMLInputElement>("[name=kind]") ?? [])
        one.checked = box.checked;
    const list = box.closest<HTMLDetailsElement>(".pick-list");
    if (list) count(list);
    if (box.closest("#filter")) offerTopBy();
  },
  { capture: true },
);

find("#save-view")?.addEventListener("submit", (event) => {
  event.preventDefault();
  void tried(async () => {
    await ask("/v1/views", {
      method: "PUT",
      json: {
        name: find<HTMLInputElement>("#view-name")?.value,
        query: location.search.slice(1),
        shared: find<HTMLInputElement>("#view-shared")?.checked,
        is_default: find<HTMLInputElement>("#view-default")?.checked,
      },
    });
    notice(say("saved"));
    location.reload();
  });
});

const slider = find<HTMLInputElement>("#budget-slider");
const budget = find<HTMLInputElement>("#b-budget");
const shown = find<HTMLOutputElement>("#budget-shown");
slider?.addEventListener("input", () => {
  if (budget) budget.value = `${slider.value}%`;
  if (shown) shown.value = `${slider.value} %`;
});
const card = find<HTMLDetailsElement>("#budget-card");
const plan = () => {
  if (card?.open) find("#budget")?.dispatchEvent(new Event("plan"));
};
card?.addEventListener("toggle", plan);
document.addEventListener("htmx:after:swap", (event) => {
  const source = (event.target as HTMLElement).closest("form");
  const budgeting = find<HTMLFormElement>("#budget");
  if (source === budgeting && budgeting) markWrong(budgeting, find("#plan") ?? budgeting);
  if (source === filter && filter) {
    markWrong(filter, find("#results") ?? filter);
    plan(); // of the cases that are shown now
  }
  // the same case stays the current one, wherever the answer puts it
  const [was, from] = [current, anchor].map((row) => row && id(row));
  current = rows().find((row) => id(row) === was);
  anchor = rows().find((row) => id(row) === from);
  current?.classList.add("current");
  show();
});

key("j", say("next"), () => goTo(1));
key("k", say("previous"), () => goTo(-1));
key(
  "Enter",
  say("open"),
  () => current?.querySelector<HTMLAnchorElement>("a")?.click(),
  () => current !== undefined && document.activeElement?.closest("tr") === current,
);
key("x", say("pick"), () => current && pick(current, false));
key("X", say("range"), () => current && pick(current, true));
key(
  "a",
  say("assign"),
  () => find("#bulk-assignee")?.focus(),
  () => picked.all.length > 0,
);
key("/", say("search"), () => find("#f-text")?.focus());
show();
const results = find("#results");
if (filter && results) markWrong(filter, results);
