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
    form.addEventListener("submit", (event) => {
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
