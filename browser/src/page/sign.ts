/**
 * `<form data-sign>` with hidden fields `statement`, `signature`, `certificate`: signs the
 * statement that the server put there, exactly as it stands, and submits. The page shows the same text beforehand.
 */
import { type SigningKey, get } from "../keys/database";
import { asField, signStatement } from "../keys/signing";
import { complain, field, onSubmit, signerOf } from "./words";

/** The page on which a signing key is made or restored. */
const KEY_PAGE = "/account/key";

/** The signing key of the account named on the form; complains, with the way to the key's page, and returns nothing when this browser has none. */
export async function keyFor(form: HTMLElement): Promise<SigningKey | undefined> {
  const key = await get("signing", signerOf(form));
  if (key === undefined) complain(form, "no-key", "", KEY_PAGE);
  return key;
}

/** Wires one form. */
export function signForm(form: HTMLFormElement): void {
  onSubmit(form, async () => {
    const key = await keyFor(form);
    if (key === undefined) return;
    await fillSignature(form, key);
    form.submit();
  });
}

/** Signs the form's statement into its fields. */
export async function fillSignature(form: HTMLFormElement, key: SigningKey): Promise<void> {
  // A text field's value turns CR LF into LF; statements never hold CR, and the server compares the bytes anyway.
  field(form, "signature").value = asField(await signStatement(key.privateKey, field(form, "statement").value));
  field(form, "certificate").value = asField(key.certificates[0] ?? new Uint8Array(0));
}
