/**
 * Making, backing up and restoring a signing key.
 *
 * `<form data-enrol data-signer="account">` with hidden `challenge`, `public_key`, `proof`: makes a key, posts its public half with the
 * proof, stores the certificate that comes back as JSON `{"certificate","chain"}`, and hands out a PKCS#12 backup under the
 * passphrase of `[data-passphrase]` (an input without a name: it is never sent). Shows `[data-done]` at the end.
 * `<form data-restore data-signer="account">`: `[data-file]` and `[data-passphrase]`; nothing is sent at all.
 * `[data-key-state="account"]` shows `data-text-present` or `data-text-absent`.
 */
import { get } from "../keys/database";
import { UnsupportedFile, WrongPassphrase } from "../keys/pkcs12";
import { asField, backUp, makeKey, readEnrolled, restore, storeKey } from "../keys/signing";
import { Refused, postForm } from "./post";
import { attribute, complain, download, field, onSubmit, words } from "./words";

/** The least letters of a passphrase for a backup. */
const PASSPHRASE_MIN = 8;

/** Wires an enrolment form. */
export function enrolForm(form: HTMLFormElement): void {
  onSubmit(form, async () => {
    const passphrase = passphraseOf(form);
    if ([...passphrase].length < PASSPHRASE_MIN) return complain(form, "short");
    const repeated = form.querySelector<HTMLInputElement>("[data-passphrase-again]");
    if (repeated !== null && repeated.value !== passphrase) return complain(form, "unequal");
    const account = attribute(form, "signer");
    const fresh = await makeKey(field(form, "challenge").value);
    field(form, "public_key").value = asField(fresh.publicKey);
    field(form, "proof").value = asField(fresh.proof);
    let answer: unknown;
    try {
      answer = await postForm(form);
    } catch (error) {
      if (error instanceof Refused) return complain(form, "refused", error.message);
      throw error;
    }
    const file = { privateKey: fresh.privateKey, certificates: readEnrolled(answer).certificates };
    await storeKey(account, file);
    download(await backUp(file, passphrase, account), `sunbid-${account}.p12`, "application/x-pkcs12");
    fresh.privateKey.fill(0);
    finish(form);
  });
}

/** Wires a restore form. */
export function restoreForm(form: HTMLFormElement): void {
  onSubmit(form, async () => {
    const file = form.querySelector<HTMLInputElement>("[data-file]")?.files?.[0];
    if (file === undefined) return complain(form, "no-file");
    try {
      const restored = await restore(attribute(form, "signer"), new Uint8Array(await file.arrayBuffer()), passphraseOf(form));
      restored.privateKey.fill(0);
      finish(form);
    } catch (error) {
      if (error instanceof WrongPassphrase) return complain(form, "passphrase");
      if (error instanceof UnsupportedFile) return complain(form, "unsupported");
      throw error;
    }
  });
}

/** Says whether this browser holds the key of an account. */
export async function showKeyState(element: HTMLElement): Promise<void> {
  const key = await get("signing", attribute(element, "key-state"));
  element.textContent = words(element, key === undefined ? "absent" : "present");
  element.dataset["state"] = key === undefined ? "absent" : "present";
}

function finish(form: HTMLFormElement): void {
  form.querySelectorAll<HTMLInputElement>("input[type=password]").forEach((input) => { input.value = ""; });
  const done = form.querySelector<HTMLElement>("[data-done]") ?? document.querySelector<HTMLElement>("[data-done]");
  const next = form.dataset["next"];
  if (done !== null) {
    done.hidden = false;
    done.tabIndex = -1;
    done.focus();
  } else if (next !== undefined) {
    location.assign(next);
  }
  document.querySelectorAll<HTMLElement>("[data-key-state]").forEach((element) => void showKeyState(element));
}

function passphraseOf(form: HTMLFormElement): string {
  return form.querySelector<HTMLInputElement>("[data-passphrase]")?.value ?? "";
}
