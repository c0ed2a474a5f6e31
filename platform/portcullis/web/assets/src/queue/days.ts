/** A day as people write it (2026.3.31, 20260331, 2026년 3월 31일) as the address takes it; else as it stands. */
export function isoDay(text: string): string {
  const parts =
    /^\s*(\d{4})(?:\s*[-./년]\s*|(?=\d{4}\s*$))(\d{1,2}?)(?:\s*[-./월]\s*|(?=\d{2}\s*$))(\d{1,2})\s*[.일]?\s*$/.exec(
      text,
    );
  if (!parts) return text;
  const [, year = "", month = "", day = ""] = parts;
  return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
}
