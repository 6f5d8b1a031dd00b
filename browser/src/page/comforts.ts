/** Small comforts that pages can do without: print, copy, filters that apply themselves, one click per form. */

/** Wires everything below `root`. */
export function comforts(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
  for (const button of root.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => void copy(button));
  }
  for (const select of root.querySelectorAll<HTMLSelectElement>("select[data-auto]")) {
    select.addEventListener("change", () => select.form?.requestSubmit());
  }
  for (const form of root.querySelectorAll<HTMLFormElement>("form[method=post]:not([data-sign], [data-seal], [data-script])")) {
    if (form.dataset["keepTyped"] !== undefined) keepTyped(form);
    form.addEventListener("submit", (event) => {
      if (form.dataset["keepTyped"] === "until-sent") sessionStorage.removeItem(placeOf(form));
      if (form.dataset["sent"] !== undefined) event.preventDefault();
      form.dataset["sent"] = "";
    });
  }
}

// A page that comes back from the browser's history may be sent again.
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll<HTMLElement>("form[data-sent]").forEach((form) => delete form.dataset["sent"]);
});

/** Copies the text of the element named by `data-copy`, and says so with the button's own `data-text-copied`. */
async function copy(button: HTMLButtonElement): Promise<void> {
  const target = document.getElementById(button.dataset["copy"] ?? "");
  if (target === null) return;
  await navigator.clipboard.writeText(target.textContent?.trim() ?? "");
  const before = button.textContent;
  button.textContent = button.getAttribute("data-text-copied") ?? before;
  setTimeout(() => { button.textContent = before; }, 2000);
}

/** What was typed into a form, and what the server had put there before. */
interface Kept {
  readonly base: string;
  readonly typed: readonly (readonly [string, string])[];
}

type Field = HTMLInputElement | HTMLTextAreaElement;

const isChoice = (e: Field): e is HTMLInputElement => e instanceof HTMLInputElement && e.type === "radio";

/** Where the words of a form are kept: by person, page, and, if a page has several, by the form's address. */
function placeOf(form: HTMLFormElement): string {
  const own = form.dataset["keepTyped"] === "until-sent" ? ` ${new URL(form.action).pathname}` : "";
  return `typed ${document.documentElement.dataset["person"] ?? ""} ${location.pathname}${own}`;
}

/**
 * `form[data-keep-typed]`: what was typed and not sent stays in this tab over a reload, a mistaken click or a lost network.
 * It comes back as long as the server still has what it had; once something newer was kept there, that is shown.
 * With the value `until-sent` it is forgotten when the form is sent.
 */
export function keepTyped(form: HTMLFormElement): void {
  const place = placeOf(form);
  const fields = [...form.elements].filter((e): e is Field =>
    (e instanceof HTMLInputElement && e.type !== "hidden") || e instanceof HTMLTextAreaElement);
  const base = JSON.stringify(fields.map((e) => (isChoice(e) ? e.defaultChecked : e.defaultValue)));
  const kept = JSON.parse(sessionStorage.getItem(place) ?? "null") as Kept | null;
  if (kept !== null && kept.base === base) {
    const typed = new Map(kept.typed);
    for (const field of fields) {
      const value = typed.get(field.name);
      if (value === undefined) continue;
      if (isChoice(field)) field.checked = field.value === value;
      else field.value = value;
    }
  }
  form.addEventListener("input", () => {
    const typed = fields.filter((e) => (isChoice(e) ? e.checked : e.value !== e.defaultValue)).map((e) => [e.name, e.value] as const);
    sessionStorage.setItem(place, JSON.stringify({ base, typed } satisfies Kept));
  });
}
