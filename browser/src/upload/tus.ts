/**
 * A resumable upload (tus 1.0.0: creation, HEAD, PATCH) of slices that lie in IndexedDB. Any break, a reload
 * included, goes on where the server's offset says; nothing is ever sealed again.
 */
/** Reads the slice at `index`. */
export type SliceSource = (index: number) => Promise<Blob>;

/** What to send. All slices but the last are `sliceSize` bytes. */
export interface Parcel {
  readonly size: number;
  readonly sliceSize: number;
  readonly slices: number;
  readonly read: SliceSource;
}

/** How far it is; bytes, bytes per second, and whole seconds left (`null` while unknown). */
export interface Progress {
  readonly sent: number;
  readonly size: number;
  readonly speed: number | null;
  readonly secondsLeft: number | null;
}

export interface Options {
  /** Where uploads are created. */
  readonly url: string;
  /** Sent with the creation as `Upload-Metadata`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Extra headers for every request (CSRF). */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the server keeps it, if it was created before. */
  readonly location: string | null;
  readonly onLocation: (location: string) => Promise<void>;
  readonly onProgress: (progress: Progress) => void;
  /** It does not go on right now: what the server says of that, "" if it can not be reached; `null` once it goes on. */
  readonly onTrouble?: (sentence: string | null) => void;
  /** Waits between tries, milliseconds; after the last one the upload fails. Without them it is tried for as long as the page is open. */
  readonly waits?: readonly number[];
}

/** The server refuses; trying again would not help. */
export class UploadRefused extends Error {
  constructor(readonly status: number, sentence: string) {
    super(sentence);
  }
}

/** The server can not take it right now, and says why. */
class Busy extends Error {}

/** Slices that travel in one request: few enough to lose little, enough to keep a fast line busy. */
const SLICES_PER_REQUEST = 4;
const WAITS = [500, 1000, 2000, 4000, 8000, 15000, 30000];
/** A server that is there, has no room or serves another connection, is asked this often. */
const BUSY_WAIT = 5000;
const TUS = { "Tus-Resumable": "1.0.0" } as const;

/** One upload under way. */
export class Upload {
  #location: string | null;
  #paused: Promise<void> | null = null;
  #resume: (() => void) | null = null;
  #abort: AbortController | null = null;
  #speed: { at: number; sent: number; rate: number | null } = { at: 0, sent: 0, rate: null };

  constructor(
    private readonly parcel: Parcel,
    private readonly options: Options,
  ) {
    this.#location = options.location;
  }

  /** Whether it waits for {@link resume}. */
  get paused(): boolean {
    return this.#paused !== null;
  }

  /** Stops after breaking off the request under way. */
  pause(): void {
    if (this.#paused !== null) return;
    this.#paused = new Promise((resolve) => { this.#resume = resolve; });
    this.#abort?.abort();
  }

  resume(): void {
    this.#resume?.();
    this.#paused = this.#resume = null;
  }

  /** Sends everything; the address of the finished upload. Throws {@link UploadRefused}, or the last network error. */
  async run(): Promise<string> {
    let failures = 0;
    for (;;) {
      if (this.#paused !== null) await this.#paused;
      try {
        const location = (this.#location ??= await this.#create());
        let offset = await this.#offset(location);
        this.#report(offset, true);
        while (offset < this.parcel.size) {
          if (this.#paused !== null) await this.#paused;
          offset = await this.#send(location, offset);
          if (failures > 0) this.options.onTrouble?.(null);
          failures = 0;
          this.#report(offset, false);
        }
        return location;
      } catch (error) {
        if (this.#paused !== null) continue;
        if (error instanceof UploadRefused) throw error;
        const wait = this.#wait(failures++, error);
        if (wait === undefined) throw error;
        this.options.onTrouble?.(error instanceof Busy ? error.message : "");
        await this.#rest(wait);
      }
    }
  }

  /** How long to rest after this many failures in a row; undefined: it is given up. */
  #wait(failures: number, error: unknown): number | undefined {
    if (this.options.waits !== undefined) return this.options.waits[failures];
    const wait = WAITS[Math.min(failures, WAITS.length - 1)] ?? BUSY_WAIT;
    return error instanceof Busy ? Math.min(wait, BUSY_WAIT) : wait;
  }

  async #create(): Promise<string> {
    const metadata = Object.entries(this.options.metadata ?? {}).map(([name, value]) => `${name} ${btoa(value)}`).join(",");
    const headers: Record<string, string> = { "Upload-Length": String(this.parcel.size) };
    if (metadata !== "") headers["Upload-Metadata"] = metadata;
    const answer = await this.#request(this.options.url, "POST", headers);
    const location = answer.headers.get("Location");
    if (location === null) throw new UploadRefused(answer.status, "the server did not say where the upload is");
    const absolute = new URL(location, new URL(this.options.url, globalThis.location?.href)).href;
    await this.options.onLocation(absolute);
    return absolute;
  }

  async #offset(location: string): Promise<number> {
    const answer = await this.#request(location, "HEAD", {});
    const offset = Number(answer.headers.get("Upload-Offset") ?? "x");
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.parcel.size) throw new UploadRefused(answer.status, "the server's offset makes no sense");
    return offset;
  }

  async #send(location: string, offset: number): Promise<number> {
    const { sliceSize, slices, read } = this.parcel;
    const first = Math.floor(offset / sliceSize);
    const pieces: Blob[] = [];
    for (let index = first; index < Math.min(first + SLICES_PER_REQUEST, slices); index++) pieces.push(await read(index));
    // paused while the slices were read: nothing goes out
    if (this.#paused !== null) return offset;
    const body = new Blob(pieces).slice(offset - first * sliceSize);
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
    const answer = await this.#request(location, "PATCH", headers, body);
    const next = Number(answer.headers.get("Upload-Offset") ?? "x");
    if (!(next > offset && next <= offset + body.size)) throw new Error("the server took nothing");
    return next;
  }

  /** A request whose failures are sorted: network, busy and conflict are tried again, the rest is final. */
  async #request(url: string, method: string, headers: Record<string, string>, body?: Blob): Promise<Response> {
    this.#abort = new AbortController();
    const settings: RequestInit = { method, headers: { ...TUS, ...this.options.headers, ...headers }, signal: this.#abort.signal, credentials: "same-origin" };
    if (body !== undefined) settings.body = body;
    const answer = await fetch(url, settings);
    if (answer.ok) return answer;
    // what is refused at the beginning (too much, no room) is the bidder's to know at once
    if (method === "POST" && [429, 507].includes(answer.status)) throw new UploadRefused(answer.status, (await answer.text()).slice(0, 500));
    const again = answer.status >= 500 || [408, 409, 423, 425, 429].includes(answer.status);
    if (again) {
      // what the platform says in words is for the bidder; the page of a proxy or of a server that breaks is not
      const said = (answer.headers.get("Content-Type") ?? "").startsWith("text/plain") && answer.status !== 409;
      throw said ? new Busy((await answer.text()).slice(0, 500)) : new Error(`the server answered ${answer.status}`);
    }
    // Gone: the server threw the unfinished upload away. It is begun anew from the stored slices.
    if ([404, 410].includes(answer.status) && method !== "POST" && this.#location !== null) {
      this.#location = null;
      throw new Error("the upload is gone");
    }
    throw new UploadRefused(answer.status, (await answer.text()).slice(0, 500));
  }

  #report(sent: number, restart: boolean): void {
    const at = performance.now();
    const last = this.#speed;
    if (restart || last.at === 0) {
      this.#speed = { at, sent, rate: null };
    } else if (at > last.at) {
      const current = ((sent - last.sent) * 1000) / (at - last.at);
      this.#speed = { at, sent, rate: last.rate === null ? current : 0.7 * last.rate + 0.3 * current };
    }
    const speed = this.#speed.rate;
    const secondsLeft = speed === null || speed <= 0 ? null : Math.ceil((this.parcel.size - sent) / speed);
    this.options.onProgress({ sent, size: this.parcel.size, speed, secondsLeft });
  }

  async #rest(milliseconds: number): Promise<void> {
    // Coming back online ends the wait early.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      globalThis.addEventListener?.("online", () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }
}
