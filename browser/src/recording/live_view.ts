/**
 * Live watching (`video[data-recording-live="<url>"]`): the page asks again and again what is new on the track. The first answer is the
 * init section and the newest segment; headers say what to ask for next; 204 means nothing yet. Two to five seconds behind the
 * camera. Short answers, because a browser opens only six lines to a server and a committee has more tracks than that.
 */
import { words } from "../page/words";
import { appended, typeOf } from "./screen";

const BEHIND_TARGET_S = 1.0;
const BEHIND_MAX_S = 5;
const KEEP_S = 30;
const ASK_MS = 1500;

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
    const watching: Watching = { query: "", epoch: "", buffer: undefined };
    for (;;) {
      const state = await look(video, url, watching).catch(() => {
        // begin anew once it answers again
        watching.buffer = undefined;
        watching.query = "";
        return "away" as const;
      });
      if (state !== "same") say(state);
      if (state === "over") return;
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  })();
}

/** What the element shows so far. */
interface Watching {
  query: string;
  epoch: string;
  buffer: SourceBuffer | undefined;
}

/** Asks once, and shows what came. */
async function look(video: HTMLVideoElement, url: string, watching: Watching): Promise<"live" | "away" | "over" | "same"> {
  const answer = await fetch(url + watching.query, { cache: "no-store" });
  if (answer.status === 410 || answer.status === 403) return "over";
  if (answer.status === 204) return "same";
  if (!answer.ok) return "away";
  const epoch = answer.headers.get("recording-epoch") ?? "";
  if (epoch !== watching.epoch || watching.buffer === undefined) {
    watching.buffer = await begin(video, typeOf(answer));
    watching.epoch = epoch;
  }
  const buffer = watching.buffer;
  await appended(buffer, await answer.arrayBuffer());
  watching.query = `?epoch=${epoch}&next=${answer.headers.get("recording-next") ?? ""}`;
  stayClose(video, buffer);
  if (video.currentTime > 2 * KEEP_S) {
    buffer.remove(0, video.currentTime - KEEP_S);
    await new Promise((resolve) => buffer.addEventListener("updateend", resolve, { once: true }));
  }
  return video.buffered.length > 0 ? "live" : "same";
}

/** An empty buffer behind the element, for a recording of this type. */
async function begin(video: HTMLVideoElement, type: string): Promise<SourceBuffer> {
  const source = new MediaSource();
  if (video.src !== "") URL.revokeObjectURL(video.src);
  video.src = URL.createObjectURL(source);
  await new Promise<void>((resolve) => source.addEventListener("sourceopen", () => resolve(), { once: true }));
  return source.addSourceBuffer(type);
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
