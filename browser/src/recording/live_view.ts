/**
 * Live watching: one long answer of the server carries the init section and then every segment as it is stored
 * (`video[data-recording-live="<url>"]`). Two to four seconds behind the camera. When the recorder is started anew the answer ends and
 * is asked for again.
 */
import { words } from "../page/words";
import { appended, typeOf } from "./screen";

const BEHIND_TARGET_S = 1.0;
const BEHIND_MAX_S = 5;
const KEEP_S = 30;
const AGAIN_MS = 2000;

/** Shows one track live in a video element; `[data-live-state]` beside it says how it goes. */
export function liveView(video: HTMLVideoElement): void {
  const url = video.dataset["recordingLive"] ?? "";
  const label = video.closest("[data-live-box]")?.querySelector<HTMLElement>("[data-live-state]") ?? undefined;
  const say = (name: string) => {
    if (label === undefined) return;
    label.textContent = words(label, name);
    label.dataset["is"] = name;
  };
  video.muted = true;
  void (async () => {
    for (;;) {
      const kept = await follow(video, url, say).catch(() => true);
      if (!kept) return;
      say("away");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  })();
}

/** Follows one answer to its end; false if there will never be another. */
async function follow(video: HTMLVideoElement, url: string, say: (name: string) => void): Promise<boolean> {
  const answer = await fetch(url, { cache: "no-store" });
  if (answer.status === 410 || answer.status === 403) {
    say("over");
    return false;
  }
  if (!answer.ok || answer.body === null) return true;
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise<void>((resolve) => source.addEventListener("sourceopen", () => resolve(), { once: true }));
  const buffer = source.addSourceBuffer(typeOf(answer));
  const reader = answer.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      await appended(buffer, value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
      stayClose(video, buffer);
      if (video.buffered.length > 0) say("live");
      if (!buffer.updating && video.currentTime > 2 * KEEP_S) {
        buffer.remove(0, video.currentTime - KEEP_S);
        await new Promise((resolve) => buffer.addEventListener("updateend", resolve, { once: true }));
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
    URL.revokeObjectURL(video.src);
  }
}

function stayClose(video: HTMLVideoElement, buffer: SourceBuffer): void {
  if (buffer.buffered.length === 0) return;
  const end = buffer.buffered.end(buffer.buffered.length - 1);
  const behind = end - video.currentTime;
  const start = buffer.buffered.start(buffer.buffered.length - 1);
  if (behind > BEHIND_MAX_S || video.currentTime < start) video.currentTime = Math.max(start, end - BEHIND_TARGET_S);
  // a little faster until it is close again; nobody hears it
  video.playbackRate = behind > 2 * BEHIND_TARGET_S ? 1.1 : 1;
  if (video.paused) void video.play().catch(() => undefined);
}
