/**
 * Whether this browser holds the signing key of who is signed in, said before anything is filled in. The server knows
 * certificates only; where the key lies only the browser can tell. Of the parts `[data-key-here]` and `[data-key-absent]`,
 * all of them `hidden` at first, the true ones are shown.
 */
import { get } from "../keys/database";
import { signerOf } from "./words";

/** Shows what is true of the key. A browser that keeps no data holds no key. */
export async function keyState(root: ParentNode): Promise<void> {
  const parts = [...root.querySelectorAll<HTMLElement>("[data-key-here], [data-key-absent]")];
  for (const part of parts) {
    const key = await get("signing", signerOf(part)).catch(() => undefined);
    part.hidden = part.hasAttribute("data-key-here") !== (key !== undefined);
  }
}
