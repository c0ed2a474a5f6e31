/** Of how many clean consignments one reaches a threshold; empty for what is no threshold. */
export function oneIn(typed: string): string {
  const surprise = Number(typed.trim());
  if (typed.trim() === "" || !(surprise >= 0 && surprise <= 12)) return "";
  const many = 10 ** surprise;
  return many.toLocaleString("en", { maximumFractionDigits: many < 10 ? 1 : 0 });
}
