/** A field with a list of suggestions below it: the ARIA combobox pattern, all on the keyboard. */
import { speaker } from "./words";

export interface Option {
  /** What the field holds once it is picked. */
  value: string;
  label: string;
  detail?: string;
}

export interface Suggesting {
  /** What fits the text, best first; throws what `ask` throws. */
  find: (text: string, signal: AbortSignal) => Promise<readonly Option[]>;
  /** After one was picked; the field holds its value already. */
  picked?: (option: Option) => void;
  /** Letters from which on it asks; 1 unless given. */
  from?: number;
  /** ms that typing has to rest; 120 unless given. */
  rest?: number;
}

const say = speaker({
  ko: {
    found: "제안 {n}건. 화살표 키로 선택하십시오.",
    none: "해당하는 항목이 없습니다.",
    failed: "목록을 불러오지 못했습니다.",
  },
  en: {
    found: "{n} suggestions; choose with the arrow keys.",
    none: "Nothing fits.",
    failed: "The list could not be loaded.",
  },
});
let count = 0;

/** Make a field one; what it suggests can be picked by arrows and Enter, or by a tap. */
export function combobox(input: HTMLInputElement, suggesting: Suggesting): void {
  const id = `options-${++count}`;
  const room = document.createElement("div");
  room.className = "combo";
  input.replaceWith(room);
  const list = document.createElement("ul");
  list.id = id;
  list.className = "options";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", nameOf(input));
  const told = document.createElement("span");
  told.className = "unseen";
  told.setAttribute("role", "status");
  room.append(input, list, told);
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": id,
    autocomplete: "off",
    spellcheck: "false",
  }))
    input.setAttribute(name, value);

  let options: readonly Option[] = [];
  let active = -1;
  let picking = false;
  let stale = false; // the list answers an earlier text
  let waiting = 0;
  let asking: AbortController | null = null;

  const close = () => {
    clearTimeout(waiting);
    asking?.abort();
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const pick = (option: Option) => {
    input.value = option.value;
    picking = true; // others hear of the new value, the list does not ask again
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
    picking = false;
    close();
    suggesting.picked?.(option);
  };
  const mark = (to: number) => {
    active = to;
    [...list.children].forEach((each, i) => {
      each.setAttribute("aria-selected", String(i === active));
      if (i === active) each.scrollIntoView({ block: "nearest" });
    });
    if (active >= 0) input.setAttribute("aria-activedescendant", `${id}-${active}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const show = (found: readonly Option[]) => {
    options = found;
    stale = false;
    list.replaceChildren(...found.map((option, i) => drawn(option, `${id}-${i}`)));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    told.className = "unseen";
    told.textContent = found.length ? say("found", { n: found.length }) : say("none");
    mark(-1);
  };
  const ask = async () => {
    const text = input.value.trim();
    if (text.length < (suggesting.from ?? 1)) return close();
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    try {
      const found = await suggesting.find(text, mine.signal);
      if (!mine.signal.aborted && document.activeElement === input) show(found);
    } catch (error) {
      if (mine.signal.aborted) return;
      close();
      told.className = "wrong"; // for every eye: nothing will be suggested here
      told.textContent = error instanceof Error ? error.message : say("failed");
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    stale = !picking;
    if (!picking) waiting = window.setTimeout(ask, suggesting.rest ?? 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.altKey) {
      event.preventDefault();
      if (list.hidden) void ask();
      else {
        const step = event.key === "ArrowDown" ? 1 : -1;
        mark(active < 0 && step < 0 ? options.length - 1 : (active + step + options.length) % options.length);
      }
    } else if (event.key === "Enter" && !list.hidden) {
      const chosen = options[Math.max(active, 0)];
      event.preventDefault(); // a list that is open is answered, not the form
      if (stale) {
        clearTimeout(waiting); // who types fast means what they typed, not what the list still shows
        void ask().then(() => {
          if (!stale && !list.hidden && options[0]) pick(options[0]);
        });
      } else if (chosen) pick(chosen);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  });
  input.addEventListener("blur", () => close());
  // before the field loses the focus
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const at = [...list.children].indexOf((event.target as Element).closest("li") as Element);
    const chosen = options[at];
    if (chosen) pick(chosen);
  });
}

function nameOf(input: HTMLInputElement): string {
  return input.getAttribute("aria-label") ?? input.labels?.[0]?.firstChild?.textContent?.trim() ?? input.id;
}

function drawn(option: Option, id: string): HTMLLIElement {
  const item = document.createElement("li");
  item.id = id;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.textContent = option.label;
  if (option.detail) {
    const detail = document.createElement("small");
    detail.textContent = option.detail;
    item.append(detail);
  }
  return item;
}
