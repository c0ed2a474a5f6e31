import { speaker } from "../common/words";

/** What the broker's scripts say. */
export const say = speaker({
  ko: {
    focus: "입력란으로 이동",
    down: "다음 항목",
    up: "이전 항목",
    open: "열기",
    choose: "이 세번 선택",
    reject: "이 세번 제외",
    next: "다음 물품",
    left: "상위 단계로",
    right: "하위 단계로",
    print: "인쇄 또는 PDF 저장",
    suggested: "추천 세번 {n}개. 첫 번째: {first}",
    refused: "설명이 부족합니다. 질문에 답해 주십시오.",
    found: "검색 결과 {n}건",
    done: "목록 처리가 끝났습니다.",
    writing: "기록서 작성",
  },
  en: {
    focus: "Go to the field",
    down: "Next one",
    up: "The one before",
    open: "Open",
    choose: "Choose this code",
    reject: "Reject this code",
    next: "Next goods",
    left: "One level up",
    right: "One level down",
    print: "Print or save as PDF",
    suggested: "Codes suggested: {n}. First: {first}",
    refused: "The text does not say enough. Please answer the questions.",
    found: "Found: {n}",
    done: "The list is done.",
    writing: "Write the dossier",
  },
});
