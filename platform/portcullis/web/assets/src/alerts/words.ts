/** What the page of alerts says by itself. */
import { speaker } from "../common/words";

export const say = speaker({
  ko: {
    live: "실시간 수신 중",
    lost: "연결이 끊겨 다시 연결하는 중",
    ended: "실시간 수신이 끝났습니다. 다시 로그인하십시오.",
    paused: "일시 정지",
    pause: "일시 정지",
    resume: "계속",
    pauseKey: "알림 수신 일시 정지 또는 계속",
    next: "다음 알림의 사건",
    previous: "이전 알림의 사건",
    waiting: "새 알림 {n}건 보기",
    said: "새 알림 {n}건",
  },
  en: {
    live: "Live",
    lost: "Connection lost, reconnecting",
    ended: "No longer live. Sign in again.",
    paused: "Paused",
    pause: "Pause",
    resume: "Go on",
    pauseKey: "Pause alerts or go on",
    next: "Case of the next alert",
    previous: "Case of the alert before",
    waiting: "Show {n} new alerts",
    said: "{n} new alerts",
  },
});
