/** The words that scripts say. The server's pages have theirs in gettext catalogues. */
export type Language = "ko" | "en";

/** The language of this page. */
export function language(): Language {
  return document.documentElement.lang === "ko" ? "ko" : "en";
}

/**
 * A speaker over a table of both languages; the compiler refuses a table that lacks a word in one of them.
 * `{name}` in a word is replaced by the value of that name.
 */
export function speaker<Key extends string>(
  table: Record<Language, Record<Key, string>>,
): (key: Key, values?: Record<string, string | number>) => string {
  return (key, values = {}) =>
    table[language()][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export const say = speaker({
  ko: {
    keys: "단축키 보기",
    failed: "요청을 처리하지 못했습니다. 다시 시도하십시오.",
    unreachable: "서버에 연결할 수 없습니다. 네트워크를 확인하고 다시 시도하십시오.",
    close: "닫기",
  },
  en: {
    keys: "Show keys",
    failed: "The request was not done. Try again.",
    unreachable: "The server cannot be reached. Check the network and try again.",
    close: "Close",
  },
});
