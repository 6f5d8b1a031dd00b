/**
 * One track in a `<video>`, placed on the time of day: second 0 of the element is the moment the session was opened, so
 * tracks that began at different moments and were interrupted stay in step by themselves. Holes stay holes.
 */
import { type Piece, type Playlist, covers, parsePlaylist, pieceAt } from "./playlist";

const AHEAD_MS = 20_000;
const BEHIND_S = 60;
const DRIFT_S = 0.35;
const NEAR_S = 0.5;
const REFRESH_MS = 3000;

/** What a track shows at a moment. */
export type Shown = "picture" | "loading" | "nothing";

/** An init section. */
interface Init {
  readonly bytes: ArrayBuffer;
  readonly type: string;
  /** Time of day of media time 0, milliseconds since 1970. */
  readonly began: number;
}

/** One track of the player. */
export class Screen {
  #source = new MediaSource();
  #buffer: SourceBuffer | undefined;
  #list: Playlist = { pieces: [], ended: false };
  #have = new Set<string>();
  #again = new Set<string>();
  #inits = new Map<string, Init>();
  #lastInit = "";
  #busy = false;
  #asked = Number.NEGATIVE_INFINITY;
  #loaded = false;

  constructor(readonly video: HTMLVideoElement, private readonly url: string, private readonly zero: number) {
    video.src = URL.createObjectURL(this.#source);
    video.disableRemotePlayback = true;
  }

  /** Reads the playlist, again and again while it is open. */
  async refresh(now: number): Promise<void> {
    if (this.#list.ended || now - this.#asked < REFRESH_MS) return;
    this.#asked = now;
    const answer = await fetch(this.url);
    if (!answer.ok) return;
    this.#list = parsePlaylist(await answer.text(), new URL(this.url, location.href).href);
    this.#loaded = true;
  }

  /** All pieces known so far. */
  get pieces(): readonly Piece[] {
    return this.#list.pieces;
  }

  /** Brings the element to the moment `at` (milliseconds since 1970) and keeps it moving or still. */
  show(at: number, moving: boolean, rate: number): Shown {
    if (!this.#loaded) return "loading";
    const piece = pieceAt(this.#list.pieces, at);
    void this.#fill(at);
    if (!covers(piece, at)) {
      if (!this.video.paused) this.video.pause();
      return "nothing";
    }
    const wanted = Math.max(0, (at - this.zero) / 1000);
    const target = playable(this.video, wanted);
    if (target === undefined) {
      if (!this.video.paused) this.video.pause();
      return piece !== undefined && this.#isHole(piece) ? "nothing" : "loading";
    }
    // a picture that begins a moment later waits, standing on its first frame
    const early = target > wanted + 0.05;
    if (Math.abs(this.video.currentTime - target) > (moving ? DRIFT_S : 0.05)) this.video.currentTime = target;
    this.video.playbackRate = rate;
    if (moving && !early && this.video.paused) void this.video.play().catch(() => undefined);
    if ((!moving || early) && !this.video.paused) this.video.pause();
    return "picture";
  }

  /**
   * Whether a piece that was appended, or could not be, shows nothing here after all. It is tried once more first: the
   * browser may have thrown it out. Without this everybody would wait for ever for a picture that never comes.
   */
  #isHole(piece: Piece): boolean {
    if (this.#busy || !this.#have.has(piece.url)) return false;
    if (this.#again.has(piece.url)) return true;
    this.#again.add(piece.url);
    this.#have.delete(piece.url);
    return false;
  }

  async #fill(at: number): Promise<void> {
    if (this.#busy) return;
    const next = this.#wanted(at);
    if (next === undefined) return;
    this.#busy = true;
    try {
      await this.#append(next);
    } catch {
      // a piece that can not be had or shown is a hole; the next one is tried
      this.#have.add(next.url);
    } finally {
      this.#busy = false;
    }
  }

  #wanted(at: number): Piece | undefined {
    const first = pieceAt(this.#list.pieces, at);
    if (first === undefined) return undefined;
    const from = this.#list.pieces.indexOf(first);
    for (let i = from; i < this.#list.pieces.length; i++) {
      const piece = this.#list.pieces[i] as Piece;
      if (piece.at > at + AHEAD_MS) return undefined;
      if (!this.#have.has(piece.url)) return piece;
    }
    return undefined;
  }

  async #append(piece: Piece): Promise<void> {
    const init = await this.#initOf(piece);
    const bytes = await content(piece.url);
    await this.#opened();
    const buffer = this.#buffer ?? this.#makeBuffer(init.type);
    if (this.#lastInit !== piece.init) {
      // after a change of type the browser waits for an init section: only here, where one follows
      if (this.#lastInit !== "") buffer.changeType(init.type);
      // media time 0 of an epoch has a time of day: the offset puts the whole epoch there
      buffer.timestampOffset = (init.began - this.zero) / 1000;
      await appended(buffer, init.bytes);
      this.#lastInit = piece.init;
    }
    await appended(buffer, bytes);
    this.#have.add(piece.url);
    await this.#trim(buffer, (piece.at - this.zero) / 1000);
  }

  #makeBuffer(type: string): SourceBuffer {
    const buffer = this.#source.addSourceBuffer(type);
    this.#source.duration = Number.POSITIVE_INFINITY;
    this.#buffer = buffer;
    return buffer;
  }

  async #initOf(piece: Piece): Promise<Init> {
    const known = this.#inits.get(piece.init);
    if (known !== undefined) return known;
    const answer = await fetch(piece.init);
    if (!answer.ok) throw new Error(String(answer.status));
    const began = Number(answer.headers.get("recording-began") ?? "0") / 1000;
    const read = { bytes: await answer.arrayBuffer(), type: typeOf(answer), began };
    this.#inits.set(piece.init, read);
    return read;
  }

  async #trim(buffer: SourceBuffer, around: number): Promise<void> {
    const keepFrom = Math.min(around, this.video.currentTime) - BEHIND_S;
    if (buffer.buffered.length === 0 || buffer.buffered.start(0) >= keepFrom - 30) return;
    await updated(buffer, () => buffer.remove(0, keepFrom));
    for (const piece of this.#list.pieces) {
      if ((piece.at - this.zero) / 1000 + piece.length <= keepFrom + 5) this.#have.delete(piece.url);
    }
  }

  #opened(): Promise<void> {
    if (this.#source.readyState === "open") return Promise.resolve();
    return new Promise((resolve) => this.#source.addEventListener("sourceopen", () => resolve(), { once: true }));
  }
}

/** The type of the media in an answer, for a source buffer: `video/mp4;codecs="avc1.42E01F,opus"`. */
export function typeOf(answer: Response): string {
  return answer.headers.get("recording-type") ?? 'video/mp4;codecs="avc1.42E01F,opus"';
}

async function content(url: string): Promise<ArrayBuffer> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.arrayBuffer();
}

export function appended(buffer: SourceBuffer, bytes: ArrayBuffer): Promise<void> {
  return updated(buffer, () => buffer.appendBuffer(bytes));
}

function updated(buffer: SourceBuffer, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (problem?: Error) => {
      buffer.removeEventListener("updateend", good);
      buffer.removeEventListener("error", bad);
      if (problem === undefined) resolve();
      else reject(problem);
    };
    const good = () => finish();
    const bad = () => finish(new Error("the browser can not show this"));
    buffer.addEventListener("updateend", good);
    buffer.addEventListener("error", bad);
    start();
  });
}

/**
 * Where the element can stand for the wanted second: there, or at the beginning of a stretch that begins within the next
 * moment (sound and picture do not begin together, and browsers leave small holes between pieces).
 */
function playable(video: HTMLVideoElement, wanted: number): number | undefined {
  for (let i = 0; i < video.buffered.length; i++) {
    const start = video.buffered.start(i);
    if (wanted >= start && wanted < video.buffered.end(i)) return wanted;
    if (start > wanted && start <= wanted + NEAR_S) return start + 0.01;
  }
  return undefined;
}
