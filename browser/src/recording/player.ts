/**
 * Playback of all tracks of a session, in step, with the evaluation's events on the same timeline.
 *
 * `[data-player]` with `data-opened` and `data-until` (UTC microseconds) and `data-url` (`/recording/<session>`) holds one
 * `[data-player-track="<id>"]` per track, each with a `<video>` and a `[data-track-state]`; further `[data-player-play]`,
 * `[data-player-seek]` (range, in tenths of seconds), `[data-player-clock]`, `[data-player-rate]` (select), and any number of
 * `[data-player-jump="micros"]` (events, gaps).
 */
import { beijing } from "../page/clock";
import { words } from "../page/words";
import { covers, pieceAt } from "./playlist";
import { Screen } from "./screen";

const TICK_MS = 200;

interface Shown {
  readonly box: HTMLElement;
  readonly screen: Screen;
}

/** Wires one player. */
export function player(root: HTMLElement): void {
  const opened = Number(root.dataset["opened"] ?? "0") / 1000;
  let until = Number(root.dataset["until"] ?? "0") / 1000;
  const url = root.dataset["url"] ?? "";
  const tracks: Shown[] = [...root.querySelectorAll<HTMLElement>("[data-player-track]")].flatMap((box) => {
    const video = box.querySelector("video");
    const id = box.dataset["playerTrack"] ?? "";
    return video === null ? [] : [{ box, screen: new Screen(video, `${url}/${id}/playlist.m3u8`, opened) }];
  });
  const state = { at: opened, moving: false, rate: 1, last: performance.now(), dragging: false };
  const seek = root.querySelector<HTMLInputElement>("[data-player-seek]");
  const play = root.querySelector<HTMLButtonElement>("[data-player-play]");
  const go = (at: number) => {
    state.at = Math.min(Math.max(at, opened), until);
    draw();
  };
  const draw = () => {
    const clock = root.querySelector<HTMLElement>("[data-player-clock]");
    if (clock !== null) clock.textContent = beijing(BigInt(Math.round(state.at)) * 1000n);
    if (seek !== null && !state.dragging) {
      seek.max = String(Math.round((until - opened) / 100));
      seek.value = String(Math.round((state.at - opened) / 100));
      seek.setAttribute("aria-valuetext", beijing(BigInt(Math.round(state.at)) * 1000n));
    }
    if (play !== null) play.textContent = words(play, state.moving ? "pause" : "play");
  };
  seek?.addEventListener("input", () => { state.dragging = true; });
  seek?.addEventListener("change", () => {
    state.dragging = false;
    go(opened + Number(seek.value) * 100);
  });
  play?.addEventListener("click", () => {
    if (!state.moving && state.at >= until - 500) state.at = opened;
    state.moving = !state.moving;
    state.last = performance.now();
    draw();
  });
  const rate = root.querySelector<HTMLSelectElement>("[data-player-rate]");
  rate?.addEventListener("change", () => { state.rate = Number(rate.value) || 1; });
  for (const jump of document.querySelectorAll<HTMLElement>("[data-player-jump]")) {
    jump.addEventListener("click", (event) => {
      event.preventDefault();
      go(Number(jump.dataset["playerJump"]) / 1000 - 1000);
      root.scrollIntoView({ block: "nearest" });
    });
  }
  root.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLSelectElement || event.target === seek || event.target === play) return;
    if (event.key === " ") play?.click();
    else if (event.key === "ArrowLeft") go(state.at - 10_000);
    else if (event.key === "ArrowRight") go(state.at + 10_000);
    else return;
    event.preventDefault();
  });
  listen(tracks);
  const tick = async () => {
    const nowTick = performance.now();
    await Promise.all(tracks.map(({ screen }) => screen.refresh(nowTick).catch(() => undefined)));
    const ends = tracks.flatMap(({ screen }) => screen.pieces.slice(-1).map((p) => p.at + p.length * 1000));
    until = Math.max(until, ...ends);
    const states = tracks.map(({ box, screen }) => {
      const shown = screen.show(state.at, state.moving, state.rate);
      tell(box, shown);
      return shown;
    });
    const passed = performance.now() - state.last;
    state.last = performance.now();
    // nobody runs ahead: while one track loads, all wait
    if (state.moving && !states.includes("loading")) state.at += passed * state.rate;
    if (state.moving && state.at >= until) {
      state.at = until;
      state.moving = false;
    }
    if (state.moving && states.every((shown) => shown === "nothing")) state.at = nextPicture(tracks, state.at) ?? until;
    draw();
    setTimeout(() => void tick(), TICK_MS);
  };
  void tick();
}

/** Sound of one track at a time: the one that was clicked. */
function listen(tracks: readonly Shown[]): void {
  for (const { box, screen } of tracks) {
    screen.video.muted = true;
    box.querySelector<HTMLElement>("[data-track-listen]")?.addEventListener("click", () => {
      for (const other of tracks) other.screen.video.muted = other.screen !== screen || !screen.video.muted;
      for (const other of tracks) other.box.toggleAttribute("data-heard", !other.screen.video.muted);
    });
  }
}

function tell(box: HTMLElement, shown: string): void {
  const label = box.querySelector<HTMLElement>("[data-track-state]");
  if (label === null || label.dataset["is"] === shown) return;
  label.dataset["is"] = shown;
  label.textContent = shown === "picture" ? "" : words(label, shown);
}

/** Where the next picture of any track begins, when none plays at `at`. */
function nextPicture(tracks: readonly Shown[], at: number): number | undefined {
  const starts = tracks.flatMap(({ screen }) => {
    const piece = pieceAt(screen.pieces, at);
    if (piece === undefined) return [];
    return [covers(piece, at) ? piece.at + piece.length * 1000 : piece.at];
  });
  return starts.length === 0 ? undefined : Math.min(...starts);
}
