/** What the form's fields choose from, as the page's templates hold it. */
import type { Option } from "../common/combobox";

export interface Entry {
  code: string;
  name: string;
  other: string;
}

/** The entries of a `<template>`: code, name in the page's language, name in the other one. */
export function entries(id: string): Entry[] {
  const template = document.querySelector<HTMLTemplateElement>(`template#${id}`);
  return [...(template?.content.querySelectorAll("option") ?? [])].map((option) => ({
    code: option.value,
    name: option.textContent ?? "",
    other: option.dataset.other ?? "",
  }));
}

/** Entries that fit a text: the code itself first, then names that begin with it, then those that hold it. */
export function fitting(all: readonly Entry[], text: string, most = 12): Option[] {
  const wanted = plain(text);
  const rank = (entry: Entry): number => {
    const names = [plain(entry.name), plain(entry.other)];
    if (plain(entry.code) === wanted) return 0;
    if (names.some((name) => name.startsWith(wanted))) return 1;
    if (plain(entry.code).startsWith(wanted)) return 2;
    return names.some((name) => name.includes(wanted)) ? 3 : 4;
  };
  return all
    .map((entry, i) => ({ entry, i, rank: rank(entry) }))
    .filter((each) => each.rank < 4)
    .sort((a, b) => a.rank - b.rank || a.i - b.i)
    .slice(0, most)
    .map(({ entry }) => ({ value: entry.code, label: `${entry.name} (${entry.code})`, detail: entry.other }));
}

/** The code of a name that was typed in full; "" if there is none such. */
export function codeOf(all: readonly Entry[], text: string): string {
  const wanted = plain(text);
  return (
    all.find((each) => [each.code, each.name, each.other].some((one) => plain(one) === wanted))?.code ?? ""
  );
}

function plain(text: string): string {
  return text.trim().toLocaleLowerCase().normalize("NFC");
}
