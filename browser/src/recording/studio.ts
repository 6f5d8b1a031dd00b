/**
 * The recording page of one person: `[data-studio="/recording/<session>"]` with `data-camera` and `data-screen` (track ids).
 * Inside: `[data-studio-start]`, `[data-studio-stop]`, `video[data-preview=camera|screen]`, `[data-state=camera|screen]`,
 * `[data-problem]`. Sentences are `data-text-*` attributes. The page must stay open: a recorder lives and dies with it.
 */
import { attribute, words } from "../page/words";
import { type Ended, Recorder, type Source, ask, recordableType } from "./recorder";
import { ServerClock } from "./server_clock";
import { latestEpoch } from "./shelf";
import { type Sending, Uploader } from "./uploader";

/** The answer of `GET /recording/ingest/<session>/<track>/status`. */
interface TrackStatus {
  /** Highest epoch that the server has begun; 0 for none. */
  readonly epoch: number;
  readonly sealed: boolean;
}

const SOURCES: readonly Source[] = ["camera", "screen"];
const CLOCK_PROBES = 5;
const CLOCK_AGAIN_MS = 30_000;

/** Wires the page. */
export function studio(root: HTMLElement): void {
  const session = attribute(root, "studio").split("/").pop() ?? "";
  const clock = new ServerClock("/recording/clock");
  const lanes = SOURCES.filter((source) => root.dataset[source] !== undefined)
    .map((source) => new Lane(root, session, source, attribute(root, source), clock));
  const start = root.querySelector<HTMLButtonElement>("[data-studio-start]");
  const stop = root.querySelector<HTMLButtonElement>("[data-studio-stop]");
  if (!canRecord(root)) return;
  // whatever an earlier page could not send goes first
  for (const lane of lanes) lane.uploader.kick();
  void clock.probe(CLOCK_PROBES);
  setInterval(() => void clock.probe(1), CLOCK_AGAIN_MS);
  void navigator.storage?.persist?.();
  start?.addEventListener("click", () => {
    start.disabled = true;
    void (async () => {
      // screens must be asked for within the click; the camera may follow
      for (const lane of [...lanes].reverse()) if (!lane.running) await lane.start();
    })().catch((error: unknown) => complain(root, error)).finally(() => {
      start.disabled = false;
      show();
    });
  });
  stop?.addEventListener("click", () => lanes.forEach((lane) => lane.stop()));
  const show = () => {
    const running = lanes.every((lane) => lane.running);
    if (start !== null) start.hidden = running;
    if (stop !== null) stop.hidden = !lanes.some((lane) => lane.running);
    root.dataset["running"] = String(running);
  };
  root.addEventListener("sunbid:lane", show);
  addEventListener("beforeunload", (event) => {
    if (lanes.some((lane) => lane.running)) event.preventDefault();
  });
  show();
}

function canRecord(root: HTMLElement): boolean {
  const can = typeof MediaRecorder !== "undefined" && navigator.mediaDevices !== undefined && recordableType(true) !== undefined;
  if (!can) complain(root, new Error("no-codec"));
  return can;
}

function complain(root: HTMLElement, error: unknown): void {
  const box = root.querySelector<HTMLElement>("[data-problem]");
  if (box === null) return;
  const name = error instanceof Error ? error.name : "";
  const denied = name === "NotAllowedError" || name === "SecurityError";
  const missing = name === "NotFoundError" || name === "NotReadableError";
  const codec = error instanceof Error && error.message === "no-codec";
  box.textContent = words(root, codec ? "no-codec" : denied ? "denied" : missing ? "no-device" : "failed");
  box.hidden = false;
}

/** One track of the page: its recorder and its sending. */
class Lane {
  readonly uploader: Uploader;
  #recorder: Recorder | undefined;
  #sending: Sending = { kind: "idle" };

  constructor(
    private readonly root: HTMLElement,
    private readonly session: string,
    private readonly source: Source,
    private readonly track: string,
    private readonly clock: ServerClock,
  ) {
    this.uploader = new Uploader(`/recording/ingest/${session}`, track, (state) => {
      this.#sending = state;
      if (state.kind === "refused") this.stop();
      this.#show();
    });
    this.#show();
  }

  get running(): boolean {
    return this.#recorder?.running ?? false;
  }

  async start(): Promise<void> {
    const stream = await ask(this.source);
    const epoch = await this.#nextEpoch();
    const preview = this.root.querySelector<HTMLVideoElement>(`video[data-preview=${this.source}]`);
    if (preview !== null) {
      preview.srcObject = stream;
      void preview.play().catch(() => undefined);
    }
    const recorder = new Recorder(this.source, this.track, epoch, stream, this.clock, () => this.uploader.kick(), (why) => this.#ended(why));
    recorder.start();
    this.#recorder = recorder;
    this.#show();
  }

  stop(): void {
    this.#recorder?.stop("paused");
  }

  async #nextEpoch(): Promise<number> {
    const answer = await fetch(`/recording/ingest/${this.session}/${this.track}/status`, { cache: "no-store" });
    if (!answer.ok) throw new Error("status");
    const status = (await answer.json()) as TrackStatus;
    if (status.sealed) throw new Error("sealed");
    return Math.max(status.epoch, await latestEpoch(this.track)) + 1;
  }

  #ended(why: Ended): void {
    this.#recorder = undefined;
    const preview = this.root.querySelector<HTMLVideoElement>(`video[data-preview=${this.source}]`);
    if (preview !== null) preview.srcObject = null;
    this.#show();
    void this.#tellGap(why);
  }

  /** Says why it ended, once everything before it was sent. */
  async #tellGap(why: Ended): Promise<void> {
    for (let i = 0; i < 60 && !(await this.uploader.empty()); i++) await new Promise((resolve) => setTimeout(resolve, 500));
    const body = JSON.stringify({ reason: why });
    await fetch(`/recording/ingest/${this.session}/${this.track}/stopped`, {
      method: "PUT", headers: { "Content-Type": "application/json" }, body,
    }).catch(() => undefined);
  }

  #show(): void {
    const element = this.root.querySelector<HTMLElement>(`[data-state=${this.source}]`);
    if (element === null) return;
    const sending = this.#sending;
    const name = !this.running ? "off" : sending.kind === "idle" || sending.kind === "waiting" ? "on" : sending.kind;
    const values = { parts: "parts" in sending ? String(sending.parts) : "", sentence: sending.kind === "refused" ? sending.sentence : "" };
    element.textContent = words(this.root, sending.kind === "refused" ? "refused" : name, values);
    element.dataset["is"] = name;
    this.root.dispatchEvent(new CustomEvent("sunbid:lane"));
  }
}
