/** Outcomes and drift: charts of what the tables of the page say. */
import { chart } from "../common/chart";
import { chances, curve, surprise, weeks } from "./drawings";

draw("#weeks-chart", weeks);
draw("#chances-chart", chances);
draw("#surprise-chart", surprise);
for (const details of document.querySelectorAll<HTMLDetailsElement>(".checks details")) {
  details.addEventListener("toggle", () => unfold(details), { once: true });
}

/** A chart beside the table that has its figures. */
function draw(selector: string, option: (rows: DOMStringMap[]) => ReturnType<typeof weeks>): void {
  const room = document.querySelector<HTMLElement>(selector);
  const table = document.querySelector(`#${room?.dataset.table}`);
  if (!room || !table) return;
  const rows = [...table.querySelectorAll<HTMLTableRowElement>("tbody tr")];
  chart(room, option(rows.map((row) => ({ ...row.dataset, name: row.cells[0]?.textContent?.trim() ?? "" }))));
}

/** The distribution of one check, drawn when it is first looked at. */
function unfold(details: HTMLDetailsElement): void {
  const room = details.querySelector<HTMLElement>(".curve");
  if (room) chart(room, curve(room.dataset.curve ?? ""));
}
