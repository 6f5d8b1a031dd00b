/**
 * Sentences on the page. All of them come from the server, in the page's language, as `data-text-name`
 * attributes; a script only chooses which to show and fills `%{place}`.
 */

/** The sentence `data-text-<name>` of `element` or the nearest element around it. */
export function words(element: HTMLElement, name: string, values: Record<string, string> = {}): string {
  const holder = element.closest<HTMLElement>(`[data-text-${name}]`);
  const text = holder?.getAttribute(`data-text-${name}`) ?? name;
  return Object.entries(values).reduce((sentence, [place, value]) => sentence.replaceAll(`%{${place}}`, value), text);
}

/**
 * Shows a problem in the form's `[data-problem]` element, made if there is none, and moves the reader there. `address`
 * is where it can be put right; the words of that link are `data-text-<name>-do`.
 */
export function complain(form: HTMLElement, name: string, detail = "", address = ""): void {
  const box = form.querySelector<HTMLElement>("[data-problem]") ?? newBox(form);
  const sentence = words(box, name);
  box.textContent = detail === "" ? sentence : `${sentence} (${detail})`;
  if (address !== "") {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = words(box, `${name}-do`);
    box.append(" ", link);
  }
  reveal(box);
}

/** Shows what was hidden and moves the reader there. */
export function reveal(element: HTMLElement): void {
  element.hidden = false;
  element.tabIndex = -1;
  element.focus();
}

/** The file that was chosen in a form; without one its reader is told so. */
export function chosenFile(form: HTMLElement): File | undefined {
  const file = form.querySelector<HTMLInputElement>("[data-file]")?.files?.[0];
  if (file === undefined) complain(form, "no-file");
  return file;
}

function newBox(form: HTMLElement): HTMLElement {
  const box = document.createElement("p");
  box.className = "warning";
  box.dataset["problem"] = "";
  box.setAttribute("role", "alert");
  form.prepend(box);
  return box;
}

/** Takes the problem away again. */
export function calm(form: HTMLElement): void {
  const box = form.querySelector<HTMLElement>("[data-problem]");
  if (box !== null) box.hidden = true;
}

/** A named hidden field of a form. */
export function field(form: HTMLFormElement, name: string): HTMLInputElement | HTMLTextAreaElement {
  const found = form.elements.namedItem(name);
  if (found instanceof HTMLInputElement || found instanceof HTMLTextAreaElement) return found;
  throw new Error(`the form has no field ${name}`);
}

/** The account whose key signs: `data-signer` of the form, or `data-person` of the page. */
export function signerOf(form: HTMLElement): string {
  return form.dataset["signer"] ?? attribute(document.documentElement, "person");
}

/** An attribute that the page must carry. */
export function attribute(element: HTMLElement, name: string): string {
  const value = element.getAttribute(`data-${name}`);
  if (value === null || value === "") throw new Error(`the page has no data-${name}`);
  return value;
}

/** Runs `work` when `form` is submitted, once at a time; `work` submits the form itself if it comes to that. */
export function onSubmit(form: HTMLFormElement, work: () => Promise<void>): void {
  let busy = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    calm(form);
    form.setAttribute("aria-busy", "true");
    work()
      .catch((error: unknown) => complain(form, "failed", error instanceof Error ? error.message : String(error)))
      .finally(() => {
        busy = false;
        form.removeAttribute("aria-busy");
      });
  });
}

/** Every form or element with the attribute. */
export function each<E extends HTMLElement>(selector: string, start: (element: E) => void): void {
  for (const element of document.querySelectorAll<E>(selector)) start(element);
}

/** Hands `bytes` to the person as a file. */
export function download(bytes: Uint8Array, name: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
