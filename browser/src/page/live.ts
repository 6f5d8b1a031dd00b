/**
 * Pages that change while one looks at them. `<body data-live-url="…">` names a stream of server-sent events; each
 * event makes the page fetch itself and swap the parts marked `data-live="name"` for their new selves. A part in
 * which somebody is typing or that holds the focus stays until they are done. Event data may be the server's time.
 */
import { setNow } from "./clock";
import { fetchPage } from "./post";
import { each } from "./words";

/** Called with every part that was swapped in, so that scripts can take hold of new forms. */
export type Rewire = (part: HTMLElement) => void;

/** Every part as it came from the server: scripts write into parts (clocks, tables), which is no news. */
const asSent = new WeakMap<HTMLElement, string>();

/** To be called before other scripts touch the page. */
export function rememberParts(): void {
  each<HTMLElement>("[data-live]", (part) => {
    asSent.set(part, part.outerHTML);
  });
}

/** Starts following, if the page asks for it. */
export function followLive(rewire: Rewire): void {
  const url = document.querySelector<HTMLElement>("[data-live-url]")?.dataset["liveUrl"];
  if (url === undefined) return;
  let running = false;
  let again = false;
  const refresh = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        swap(await fetchPage(location.href), rewire);
        connected(true);
      } while (again);
    } catch {
      connected(false);
    } finally {
      running = false;
    }
  };
  const source = new EventSource(url);
  source.addEventListener("change", () => void refresh());
  source.addEventListener("clock", (event) => {
    if (/^\d+$/.test(event.data as string)) setNow(event.data as string);
  });
  source.onopen = () => connected(true);
  source.onerror = () => connected(false);
  // Events sent while the connection was away are made up for by one look.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void refresh();
  });
}

/** A form was sent and its answer is on the way: nothing may be taken out from under it. */
let leaving = false;
addEventListener("beforeunload", () => {
  leaving = true;
  // a download, for example, leaves the page where it is
  setTimeout(() => { leaving = false; }, 10_000);
});
addEventListener("pageshow", () => { leaving = false; });

function swap(fresh: Document, rewire: Rewire): void {
  if (leaving) return;
  for (const old of document.querySelectorAll<HTMLElement>("[data-live]")) {
    const name = old.dataset["live"] ?? "";
    const next = fresh.querySelector<HTMLElement>(`[data-live="${CSS.escape(name)}"]`);
    if (next === null || next.outerHTML === asSent.get(old) || inUse(old)) continue;
    const part = document.importNode(next, true);
    asSent.set(part, next.outerHTML);
    old.replaceWith(part);
    rewire(part);
  }
  say(fresh);
}

/** What a screen reader says: the element stays, only its words change, or it would not be heard. */
function say(fresh: Document): void {
  const here = document.querySelector<HTMLElement>("[data-live-say]");
  const words = fresh.querySelector("[data-live-say]")?.textContent ?? "";
  if (here !== null && here.textContent !== words) here.textContent = words;
}

function inUse(part: HTMLElement): boolean {
  if (part.querySelector("[aria-busy=true], form[data-sent], form[data-looked]") !== null) return true;
  const active = document.activeElement;
  if (active !== null && part.contains(active) && active.matches("input, textarea, select")) return true;
  return [...part.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input:not([type=hidden]), textarea")].some((input) => input.value !== input.defaultValue);
}

function connected(is: boolean): void {
  each<HTMLElement>("[data-live-lost]", (element) => {
    element.hidden = is;
  });
}
