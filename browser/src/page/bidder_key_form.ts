/**
 * In the opening hall, where bids are locked twice: `<form data-bidder-key data-bundle-url>` with hidden `release`, a file
 * `[data-file]` and a `[data-passphrase]`. The file is the bidder's key file, or the box key of a second holder; in the browser
 * that sealed the bid none is needed.
 */
import { canonical } from "../bytes/canonical";
import { toBase64url } from "../bytes/bytes";
import { get } from "../keys/database";
import { WrongPassphrase, readEncryptedKey } from "../keys/pkcs12";
import { type BidderKey, WrongKeyPassphrase, keyOfSecond, readKeyFile, releaseKey } from "../sealing/bidder_key";
import type { BoxPair } from "../sealing/boxes";
import { BadDocument, type KeyBundle, type Manifest, manifestId, readDocument } from "../sealing/documents";
import { KEY_BUNDLE } from "../sealing/shapes";
import { importBoxKey } from "../trustee/box_key";
import { momentOf } from "../trustee/moment";
import { now } from "./clock";
import { attribute, complain, field, onSubmit, signerOf } from "./words";

/** What stopped a release: the name of its sentence. */
class Stopped extends Error {
  constructor(readonly sentence: string, readonly detail = "") {
    super(sentence);
  }
}

/** Wires every form with which a bidder's key is given. */
export function bidderKeyForms(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-bidder-key]")) onSubmit(form, () => give(form));
}

async function give(form: HTMLFormElement): Promise<void> {
  try {
    const file = form.querySelector<HTMLInputElement>("[data-file]")?.files?.[0];
    const passphrase = form.querySelector<HTMLInputElement>("[data-passphrase]")?.value ?? "";
    const bytes = file === undefined ? undefined : new Uint8Array(await file.arrayBuffer());
    const holder = bytes !== undefined && bytes[0] !== 0x7b ? await secondHolder(bytes, passphrase) : undefined;
    const bundle = await fetchBundle(form, holder);
    if (now() < momentOf(bundle.opens_at)) throw new Stopped("too-early");
    const [key, manifest] = holder === undefined ? await own(bundle, bytes, passphrase) : await held(bundle, holder);
    // a second holder gives the key in nobody's name; without a signing key in this browser the right key counts all the same
    const signer = holder === undefined ? await get("signing", signerOf(form)) : undefined;
    field(form, "release").value = canonical(await releaseKey(key, manifest, bundle.session, signer));
  } catch (error) {
    if (error instanceof Stopped) return complain(form, error.sentence, error.detail);
    if (error instanceof WrongKeyPassphrase || error instanceof WrongPassphrase) return complain(form, "passphrase");
    if (error instanceof BadDocument) return complain(form, "document", error.what);
    throw error;
  }
  form.submit();
}

async function fetchBundle(form: HTMLFormElement, holder: BoxPair | undefined): Promise<KeyBundle> {
  const query = holder === undefined ? "" : `?hpke=${toBase64url(holder.publicKey)}`;
  const answer = await fetch(attribute(form, "bundle-url") + query, { credentials: "same-origin", cache: "no-store" });
  if (!answer.ok) throw new Stopped("no-bundle", String(answer.status));
  return readDocument<KeyBundle>(await answer.text(), "etrade/bidder-bundle/v1", KEY_BUNDLE);
}

async function secondHolder(bytes: Uint8Array, passphrase: string): Promise<BoxPair> {
  try {
    return await importBoxKey(await readEncryptedKey(bytes, passphrase));
  } catch (error) {
    throw error instanceof WrongPassphrase ? error : new Stopped("unsupported");
  }
}

/** The key of the reader's own bid: from the chosen file, or as this browser kept it when it sealed. */
async function own(bundle: KeyBundle, bytes: Uint8Array | undefined, passphrase: string): Promise<[BidderKey, Manifest]> {
  const waiting = await named(bundle.manifests);
  if (bytes !== undefined) {
    const key = await readKeyFile(new TextDecoder().decode(bytes), passphrase);
    const manifest = waiting.get(toBase64url(key.m));
    if (manifest === undefined) throw new Stopped("other-bid");
    return [key, manifest];
  }
  for (const [m, manifest] of waiting) {
    const kept = await get("bidder", m);
    if (kept !== undefined) return [await readKeyFile(kept.file, passphrase), manifest];
  }
  throw new Stopped("no-file");
}

async function held(bundle: KeyBundle, holder: BoxPair): Promise<[BidderKey, Manifest]> {
  const mine = bundle.manifests.find((manifest) => manifest.lock.second?.hpke === toBase64url(holder.publicKey));
  if (mine === undefined) throw new Stopped("other-bid");
  return [await keyOfSecond(mine, holder), mine];
}

async function named(manifests: readonly Manifest[]): Promise<Map<string, Manifest>> {
  const pairs = manifests.map(async (manifest) => [toBase64url(await manifestId(manifest)), manifest] as const);
  return new Map(await Promise.all(pairs));
}
