/**
 * Records one camera or one screen and puts the parts on the shelf. Every start is a new epoch with its own init
 * section; parts of an epoch are numbered from 0.
 */
import { sha256 } from "../bytes/hash";
import { toBase64 } from "./base64";
import { keep } from "./shelf";
import type { ServerClock } from "./server_clock";

/** MP4 first: its parts are whole boxes that the server keeps as they are. VP8 is not on the list: nothing but WebM holds it. */
const TYPES = [
  "video/mp4;codecs=avc1.42E01F,opus",
  "video/mp4;codecs=avc1.42E01F",
  "video/webm;codecs=vp9,opus",
  "video/webm;codecs=vp9",
  "video/webm;codecs=h264,opus",
] as const;

const TIMESLICE_MS = 1000;
const KEY_PICTURE_MS = 2000;
const CAMERA_BITS = 900_000;
const SCREEN_BITS = 1_500_000;
const SOUND_BITS = 32_000;

/** What a track shows. */
export type Source = "camera" | "screen";

/** Why a recorder ended. */
export type Ended = "paused" | "revoked";

/** MediaRecorder options that the type library does not know yet. */
interface Options extends MediaRecorderOptions {
  videoKeyFrameIntervalDuration?: number;
}

/** The first type on the list that this browser can record; undefined if it can do none. */
export function recordableType(withSound: boolean): string | undefined {
  return TYPES.filter((type) => withSound === type.includes("opus")).find((type) => MediaRecorder.isTypeSupported(type));
}

/** Asks the person for the camera with sound, or for a screen. */
export function ask(source: Source): Promise<MediaStream> {
  if (source === "camera") {
    return navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15, max: 30 } },
      audio: { echoCancellation: true, noiseSuppression: true },
    });
  }
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 10, max: 15 } }, audio: false });
}

/** One running recorder. */
export class Recorder {
  #recorder: MediaRecorder | undefined;
  #seq = 0;
  #chain: Promise<void> = Promise.resolve();
  #ending: Ended | undefined;
  #began: bigint | undefined;

  constructor(
    readonly source: Source,
    readonly track: string,
    readonly epoch: number,
    private readonly stream: MediaStream,
    private readonly clock: ServerClock,
    private readonly onPart: () => void,
    private readonly onEnd: (why: Ended) => void,
  ) {}

  /** Starts; throws if this browser can record nothing that the server keeps. */
  start(): void {
    const type = recordableType(this.stream.getAudioTracks().length > 0);
    if (type === undefined) throw new Error("no-codec");
    const options: Options = {
      mimeType: type,
      videoBitsPerSecond: this.source === "camera" ? CAMERA_BITS : SCREEN_BITS,
      audioBitsPerSecond: SOUND_BITS,
      videoKeyFrameIntervalDuration: KEY_PICTURE_MS,
    };
    const recorder = new MediaRecorder(this.stream, options);
    recorder.onstart = () => { this.#began = this.clock.at(performance.now()); };
    recorder.ondataavailable = (event) => this.#take(event.data);
    recorder.onerror = () => this.stop("revoked");
    recorder.onstop = () => { void this.#chain.then(() => this.onEnd(this.#ending ?? "revoked")); };
    // The person takes the permission away, unplugs the camera or ends the sharing: the track ends by itself.
    for (const track of this.stream.getTracks()) track.addEventListener("ended", () => this.stop("revoked"));
    recorder.start(TIMESLICE_MS);
    this.#recorder = recorder;
  }

  /** Stops; the last part is still kept. */
  stop(why: Ended): void {
    this.#ending ??= why;
    if (this.#recorder !== undefined && this.#recorder.state !== "inactive") this.#recorder.stop();
    for (const track of this.stream.getTracks()) track.stop();
  }

  /** Whether pictures are being recorded. */
  get running(): boolean {
    return this.#recorder?.state === "recording";
  }

  #take(blob: Blob): void {
    // Browsers send empty parts between key pictures; they say nothing and get no number.
    if (blob.size === 0) return;
    this.#chain = this.#chain.then(async () => {
      const bytes = await blob.arrayBuffer();
      const digest = toBase64(await sha256(new Uint8Array(bytes)));
      const seq = this.#seq++;
      const began = seq === 0 && this.#began !== undefined ? String(this.#began) : null;
      await keep({ track: this.track, epoch: this.epoch, seq, bytes, digest, began });
      this.onPart();
    }).catch(() => this.stop("revoked"));
  }
}
