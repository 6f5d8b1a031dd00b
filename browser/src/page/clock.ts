/**
 * The server's clock on the page. `<html data-now="microseconds">` says what time it was when the page left the
 * server; from then on the browser's own monotonic counter runs, so a wrong wall clock changes nothing.
 */

const MICRO = 1_000_000n;
const BEIJING = 8n * 3600n;

let offset: bigint | undefined;

/** Now, by the server's clock, UTC microseconds. */
export function now(): bigint {
  offset ??= offsetOf(document.documentElement.dataset["now"]);
  return offset + sinceStart(performance.now());
}

/**
 * Now by this computer's own clock, which the platform can not set: what a trustee's browser goes by, as the command line does. In a
 * demonstration staff move the platform's clock, and it is taken instead.
 */
export function ownNow(): bigint {
  return document.documentElement.dataset["demo"] === undefined ? BigInt(Date.now()) * 1000n : now();
}

/** Corrects the clock from a later message of the server (an event of a live page). */
export function setNow(micros: string): void {
  offset = BigInt(micros) - sinceStart(performance.now());
}

/** `2026-11-22 21:30:00`, Beijing time. */
export function beijing(micros: bigint): string {
  const date = new Date(Number(micros / 1000n + BEIJING * 1000n));
  return date.toISOString().slice(0, 19).replace("T", " ");
}

/** `2026-11-22T13:00:00.000000Z`: the form that documents use. */
export function utcText(micros: bigint): string {
  const fraction = String(micros % MICRO).padStart(6, "0");
  return `${new Date(Number(micros / 1000n)).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** Whole days and `HH:MM:SS` left until `until`, rounded up to the second; zero when it has come. */
export function left(until: bigint, at: bigint): { days: number; clock: string; over: boolean } {
  const seconds = until > at ? (until - at + MICRO - 1n) / MICRO : 0n;
  const two = (value: bigint) => String(value).padStart(2, "0");
  const clock = `${two((seconds / 3600n) % 24n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  return { days: Number(seconds / 86400n), clock, over: seconds === 0n };
}

/**
 * Keeps every `[data-clock]` (the time) and `[data-countdown="micros"]` (what is left) up to date. A countdown takes its
 * words from `data-days` ("%{n} 天 ") and `data-over` ("已截止") of itself or the nearest element around it. When it
 * reaches zero it gets the class `is-over`; with `data-reload` the page is fetched anew, so that the server says what follows.
 */
export function runClocks(): void {
  const tick = () => {
    const at = now();
    for (const element of document.querySelectorAll<HTMLElement>("[data-clock]")) show(element, beijing(at));
    for (const element of document.querySelectorAll<HTMLElement>("[data-countdown]")) countDown(element, at);
    setTimeout(tick, 1000 - Number((now() / 1000n) % 1000n));
  };
  tick();
}

function countDown(element: HTMLElement, at: bigint): void {
  const until = element.dataset["countdown"];
  if (until === undefined || !/^\d+$/.test(until)) return;
  const { days, clock, over } = left(BigInt(until), at);
  const word = (name: string) => element.closest<HTMLElement>(`[data-${name}]`)?.dataset[name];
  const prefix = days > 0 ? (word("days") ?? "%{n} d ").replace("%{n}", String(days)) : "";
  show(element, over ? (word("over") ?? clock) : prefix + clock);
  if (!over || element.classList.contains("is-over")) return;
  element.classList.add("is-over");
  // A page that was fetched after the moment has nothing to wait for.
  if (element.dataset["reload"] !== undefined && BigInt(until) > BigInt(document.documentElement.dataset["now"] ?? "0")) setTimeout(() => location.reload(), 500);
}

function show(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function offsetOf(stamped: string | undefined): bigint {
  const here = BigInt(Date.now()) * 1000n - sinceStart(performance.now());
  if (stamped === undefined || !/^\d+$/.test(stamped)) return here;
  // The stamp was taken when the answer began, not when this line runs.
  const navigation = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  return BigInt(stamped) - sinceStart(navigation?.responseStart ?? performance.now());
}

function sinceStart(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1000));
}
