/**
 * Sends the parts of one track in order, one at a time, for as long as it takes. The server answers 201 (new) or 200
 * (had it already), and only then is a part forgotten here. Sending twice is harmless: parts are numbered and hashed.
 */
import { type Part, forget, oldest, waiting } from "./shelf";

/** What the person should know about the sending. */
export type Sending =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly parts: number }
  | { readonly kind: "offline"; readonly parts: number }
  | { readonly kind: "signed-out"; readonly parts: number }
  | { readonly kind: "refused"; readonly status: number; readonly sentence: string };

const RETRY_MS = [1000, 2000, 4000, 8000, 10_000] as const;
const TIMEOUT_MS = 30_000;

/** Sends what lies on the shelf for one track. */
export class Uploader {
  #running = false;
  #again = false;
  #failures = 0;
  #stopped = false;

  constructor(
    private readonly base: string,
    private readonly track: string,
    private readonly report: (state: Sending) => void,
  ) {
    globalThis.addEventListener?.("online", () => this.kick());
  }

  /** Looks for something to send; call it whenever a part was put on the shelf. */
  kick(): void {
    if (this.#stopped) return;
    this.#again = true;
    if (!this.#running) void this.#run();
  }

  /** Whether everything was sent. */
  async empty(): Promise<boolean> {
    return (await waiting(this.track)) === 0;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      for (let part = await oldest(this.track); part !== undefined && !this.#stopped; part = await oldest(this.track)) {
        const sent = await this.#send(part);
        if (!sent && !this.#stopped) await sleep(RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)] ?? 10_000);
      }
    }
    this.#running = false;
    if (!this.#stopped) this.report({ kind: "idle" });
  }

  async #send(part: Part): Promise<boolean> {
    let answer: Response;
    try {
      answer = await put(this.base, part);
    } catch {
      this.report({ kind: "offline", parts: await waiting(this.track) });
      return false;
    }
    if (answer.status === 200 || answer.status === 201) {
      await forget(part);
      this.#failures = 0;
      const parts = await waiting(this.track);
      this.report(parts === 0 ? { kind: "idle" } : { kind: "waiting", parts });
      return true;
    }
    // A redirect leads to the sign-in page: the session ran out. The parts wait until somebody signs in again.
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      this.report({ kind: "signed-out", parts: await waiting(this.track) });
      return false;
    }
    if (answer.status >= 500 || answer.status === 429) {
      this.report({ kind: "offline", parts: await waiting(this.track) });
      return false;
    }
    // Anything else will not get better by sending it again: the session was sealed, or the bytes are not welcome.
    const sentence = await sentenceOf(answer);
    await forget(part);
    if (answer.status === 410 || (answer.status === 409 && answer.headers.get("recording-sealed") !== null)) this.#stopped = true;
    this.report({ kind: "refused", status: answer.status, sentence });
    return true;
  }
}

function put(base: string, part: Part): Promise<Response> {
  const headers: Record<string, string> = {
    "Content-Type": "application/octet-stream",
    "Content-Digest": `sha-256=:${part.digest}:`,
    Accept: "application/json",
  };
  if (part.began !== null) headers["Recording-Began-At"] = part.began;
  return fetch(`${base}/${part.track}/${part.epoch}/${part.seq}`, {
    method: "PUT",
    headers,
    body: part.bytes,
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

async function sentenceOf(answer: Response): Promise<string> {
  try {
    const body = (await answer.json()) as { refusal?: string };
    return body.refusal ?? String(answer.status);
  } catch {
    return String(answer.status);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    globalThis.addEventListener?.("online", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
