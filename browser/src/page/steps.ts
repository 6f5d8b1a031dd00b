/**
 * Pages that are turned: `nav[data-keys]` with links `rel=prev` and `rel=next` follows the arrow and page keys (as the
 * small remote controls of projectors send them); `[data-play]` in it goes on to the next page every few seconds until it is
 * stopped or the last page is there.
 */

const PACE_MS = 3000;
const PLAYING = "sunbid-playing";

export function steps(): void {
  const nav = document.querySelector<HTMLElement>("nav[data-keys]");
  if (nav === null) return;
  const go = (rel: string) => nav.querySelector<HTMLAnchorElement>(`a[rel=${rel}]`)?.click();
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || (event.target as Element | null)?.closest("input, textarea, select") !== null) return;
    if (event.key === "ArrowRight" || event.key === "PageDown") go("next");
    if (event.key === "ArrowLeft" || event.key === "PageUp") go("prev");
  });
  play(nav, () => go("next"));
}

function play(nav: HTMLElement, next: () => void): void {
  const button = nav.querySelector<HTMLButtonElement>("[data-play]");
  if (button === null) return sessionStorage.removeItem(PLAYING);
  button.hidden = false;
  const start = button.textContent;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = () => {
    const playing = sessionStorage.getItem(PLAYING) === location.pathname;
    button.textContent = playing ? (button.dataset["textStop"] ?? start) : start;
    clearTimeout(timer);
    if (playing) timer = setTimeout(next, PACE_MS);
  };
  button.addEventListener("click", () => {
    if (sessionStorage.getItem(PLAYING) === location.pathname) sessionStorage.removeItem(PLAYING);
    else sessionStorage.setItem(PLAYING, location.pathname);
    show();
  });
  show();
}
