/** Tabs as the ARIA pattern has them: arrows, Home and End move, and the address names the panel. */

/** Make a list of tabs work; `shown` is called with each panel that comes into view. Answers with what selects. */
export function tabs(list: HTMLElement, shown: (panel: HTMLElement) => void): (id: string) => boolean {
  const all = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
  const panel = (tab: HTMLElement) => document.getElementById(tab.getAttribute("aria-controls") ?? "");

  function select(tab: HTMLElement, focus: boolean): void {
    for (const each of all) {
      const here = each === tab;
      each.setAttribute("aria-selected", String(here));
      each.tabIndex = here ? 0 : -1;
      panel(each)?.toggleAttribute("hidden", !here);
    }
    if (focus) tab.focus();
    const found = panel(tab);
    if (found) shown(found);
  }

  function chosen(tab: HTMLElement, focus: boolean): void {
    select(tab, focus);
    history.replaceState(history.state, "", `#${tab.getAttribute("aria-controls")}`);
  }

  for (const tab of all) tab.addEventListener("click", () => chosen(tab, false));
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(event.target as HTMLElement);
    const moves: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
    const to = moves[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const tab = all.at(to % all.length);
    if (tab) chosen(tab, true);
  });

  return (id) => {
    const tab = all.find((each) => each.getAttribute("aria-controls") === id);
    if (tab) chosen(tab, false);
    return tab !== undefined;
  };
}
