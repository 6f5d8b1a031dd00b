/**
 * The authorities that must have certified who signed a tender's notices, as a trustee chose them from a file (`[data-roots="id"]` on
 * the trustees' page), and what the hall says of the signers. As `--ca-roots` at the command line.
 */
import type { Bytes } from "../bytes/bytes";
import { type TrusteeKey, get, put } from "../keys/database";
import { NotCertified, certified, described, readRoots, subjectOf } from "../keys/certificates";
import { type NoticeSigner, Untrue } from "../trustee/log_proof";
import { grouped } from "./trust";
import { attribute, chosenFile, complain, onSubmit, reveal, words } from "./words";

/** Roots from a file that were shown and wait for the trustee's word. */
const chosen = new WeakMap<HTMLElement, Bytes[]>();

/** Wires every panel below `root`. */
export function rootsPanels(root: ParentNode): void {
  for (const panel of root.querySelectorAll<HTMLElement>("[data-roots]")) {
    void refresh(panel);
    for (const form of panel.querySelectorAll<HTMLFormElement>("[data-roots-file]")) onSubmit(form, () => look(panel, form));
    for (const form of panel.querySelectorAll<HTMLFormElement>("[data-roots-confirm]")) onSubmit(form, () => pin(panel, form, chosen.get(panel)));
    for (const form of panel.querySelectorAll<HTMLFormElement>("[data-roots-forget]")) onSubmit(form, () => pin(panel, form, []));
  }
}

/** Who signed the notices, in words. Throws {@link Untrue} if authorities are chosen and one of them did not certify a signer. */
export async function signersTold(panel: HTMLElement, notices: readonly NoticeSigner[], key: TrusteeKey): Promise<string[]> {
  return Promise.all(notices.map(async ({ version, certificate, at }) => {
    const roots = (key.roots ?? []) as Bytes[];
    try {
      const { name, creditCode } = roots.length > 0 ? await certified(certificate, roots, at) : subjectOf(certificate);
      return words(panel, roots.length > 0 ? "signer-certified" : "signer-claimed", { version: String(version), name, code: creditCode });
    } catch (error) {
      if (!(error instanceof NotCertified)) throw error;
      if (roots.length > 0) throw new Untrue("notice_not_certified", `${version} ${error.why}`);
      return words(panel, "signer-claimed", { version: String(version), name: "?", code: "?" });
    }
  }));
}

async function refresh(panel: HTMLElement): Promise<void> {
  const roots = ((await get("trustee", attribute(panel, "roots")))?.roots ?? []) as Bytes[];
  const state = panel.querySelector<HTMLElement>("[data-roots-state]");
  if (state !== null) state.textContent = words(panel, roots.length > 0 ? "some" : "none");
  await list(panel, "[data-roots-known]", roots);
  panel.querySelectorAll<HTMLElement>("[data-roots-forget]").forEach((form) => (form.hidden = roots.length === 0));
}

async function list(panel: HTMLElement, selector: string, roots: readonly Bytes[]): Promise<void> {
  const lines = await Promise.all(roots.map(async (root) => {
    const { name, print } = await described(root);
    const [line, code] = [document.createElement("li"), document.createElement("code")];
    code.textContent = grouped(print);
    line.append(`${name} `, code);
    return line;
  }));
  panel.querySelectorAll<HTMLElement>(selector).forEach((place) => place.replaceChildren(...lines));
}

/** Shows what a file holds. Nothing is pinned yet. */
async function look(panel: HTMLElement, form: HTMLFormElement): Promise<void> {
  const found = panel.querySelector<HTMLElement>("[data-roots-found]");
  if (found === null) throw new Error("the panel has no place for what is found");
  found.hidden = true;
  const file = chosenFile(form);
  if (file === undefined) return;
  try {
    const roots = readRoots(new Uint8Array(await file.arrayBuffer()));
    await list(panel, "[data-roots-new]", roots);
    chosen.set(panel, roots);
  } catch (error) {
    if (error instanceof NotCertified) return complain(form, "no-roots");
    throw error;
  }
  reveal(found);
}

async function pin(panel: HTMLElement, form: HTMLFormElement, roots: Bytes[] | undefined): Promise<void> {
  const key = await get("trustee", attribute(panel, "roots"));
  if (key === undefined) return complain(form, "no-box-key");
  if (roots === undefined) return;
  await put("trustee", { ...key, roots });
  chosen.delete(panel);
  panel.querySelectorAll<HTMLElement>("[data-roots-found]").forEach((found) => (found.hidden = true));
  panel.querySelectorAll<HTMLFormElement>("[data-roots-file]").forEach((one) => one.reset());
  await refresh(panel);
}
