/** One table of keys for a page: what `?` lists is what works. */
export interface Key {
  /** Keys as `KeyboardEvent.key` names them, separated by spaces when pressed one after the other. */
  sequence: string;
  label: string;
  act: (event: KeyboardEvent) => void;
  /** Whether the key works now; without it, always. */
  when?: () => boolean;
}

const table: Key[] = [];
const PATIENCE = 1200; // ms between keys of one sequence
let pressed: string[] = [];
let last = 0;
let listening = false;

/** Let a key (or keys one after the other, as `g q`) do something; answers with what takes it away again. */
export function key(sequence: string, label: string, act: Key["act"], when?: () => boolean): () => void {
  const made: Key = { sequence, label, act, ...(when ? { when } : {}) };
  table.push(made);
  if (!listening) {
    document.addEventListener("keydown", press);
    listening = true;
  }
  return () => {
    const at = table.indexOf(made);
    if (at >= 0) table.splice(at, 1);
  };
}

/** The keys that this page has now. */
export function keys(): readonly Key[] {
  return table;
}

/** Whether a key belongs to where somebody types. */
export function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.matches("input:not([type=checkbox],[type=radio],[type=range]), textarea, select"))
  );
}

/** Out of a field, so that the keys of the page work again; dialogs and open lists have their own Escape. */
function leave(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement) || !typing(target) || target.closest("dialog[open]")) return false;
  if (target.getAttribute("aria-expanded") === "true") return false;
  target.blur();
  return true;
}

function press(event: KeyboardEvent): void {
  if (event.key === "Escape" && !event.defaultPrevented && leave(event.target)) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (event.target instanceof HTMLElement && event.target.closest("dialog[open]")) return;
  const now = performance.now();
  if (now - last > PATIENCE) pressed = [];
  last = now;
  pressed.push(event.key);
  pressed = pressed.slice(-3);
  for (let from = 0; from < pressed.length; from++) {
    const wanted = pressed.slice(from).join(" ");
    const found = table.findLast((each) => each.sequence === wanted && (each.when?.() ?? true));
    if (found) {
      event.preventDefault();
      pressed = [];
      found.act(event);
      return;
    }
  }
}
