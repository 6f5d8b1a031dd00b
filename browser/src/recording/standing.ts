/**
 * The banner "you are not being recorded", for every page of an evaluation: `[data-recording-standing="<url>"]`, asked every
 * few seconds. Sentences: `data-text-recording`, `data-text-grace` (`%{seconds}`), `data-text-halted`, `data-text-unknown`.
 * Forms and buttons marked `data-needs-recording` are switched off while work may not go on.
 */
import { now } from "../page/clock";
import { words } from "../page/words";

/** The answer of `GET /recording/<session>/standing`. */
interface Standing {
  readonly state: "recording" | "grace" | "halted" | "sealed";
  /** End of the grace, UTC microseconds. */
  readonly until: string | null;
  /** Whose tracks are silent, in words. */
  readonly missing: readonly string[];
}

const ASK_MS = 3000;
const MICRO = 1_000_000n;

/** Keeps one banner up to date. */
export function standing(banner: HTMLElement): void {
  const url = banner.dataset["recordingStanding"] ?? "";
  let last: Standing | undefined;
  let failures = 0;
  const look = async () => {
    try {
      const answer = await fetch(url, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      last = (await answer.json()) as Standing;
      failures = 0;
    } catch {
      failures++;
    }
    show(banner, failures > 2 ? undefined : last);
    setTimeout(() => void look(), ASK_MS);
  };
  setInterval(() => {
    if (last?.state === "grace" && failures <= 2) show(banner, last);
  }, 1000);
  void look();
}

function show(banner: HTMLElement, state: Standing | undefined): void {
  const name = state?.state ?? "unknown";
  const until = state?.until ?? null;
  const seconds = until === null ? 0n : (BigInt(until) - now()) / MICRO;
  const values = { seconds: String(seconds < 0n ? 0n : seconds), missing: (state?.missing ?? []).join("、") };
  const text = words(banner, name, values);
  if (banner.textContent !== text) banner.textContent = text;
  banner.dataset["is"] = name;
  banner.hidden = false;
  const stop = name === "halted" || name === "unknown" || name === "sealed";
  for (const control of document.querySelectorAll<HTMLButtonElement | HTMLFieldSetElement>("[data-needs-recording]")) control.disabled = stop;
}
