/**
 * A trustee's three acts, each a form:
 *
 * 1. `<form data-trustee-key="id" data-signer>` with hidden `hpke`, `certificate`: makes the box key of a tender and sends its public half.
 * 2. `<form data-trustee-set="id" data-set='{…}'>` with hidden `signature`: signs the set after checking that this browser's
 *    key stands in it under the trustee's own number.
 * 3. `<form data-release="id" data-bundle-url>` with hidden `release`: fetches what is to be opened, checks it against the log, shows it
 *    in `[data-shown]`, with the own boxes that do not hold what was promised, and at the second press sends the signed shares, locked to the opening session.
 *
 * `<form data-release="id" data-drill>` does the third for a canary, before bids come; `<form data-log-try="id">` checks the log again later; `<form data-trustee-try="id">` tries a backup.
 * `<form data-trustee-restore="id">` takes a backup; `[data-trustee-state="id"]` says whether the key is here.
 */
import { canonical } from "../bytes/canonical";
import { type Bytes, toBase64url, toHex } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";
import { type TrusteeKey, get, put } from "../keys/database";
import { WrongPassphrase, readEncryptedKey } from "../keys/pkcs12";
import { asField, signBytes } from "../keys/signing";
import { knowsEd25519 } from "../log/note";
import { readPolicy } from "../log/policy";
import { BadDocument, type Member, type OpeningBundle, demand, readDocument, readPoint, trusteeSetMessage } from "../sealing/documents";
import { UNSIGNED_SET } from "../sealing/shapes";
import { importBoxKey, makeBoxKey, opensProbe, restoreBoxKey } from "../trustee/box_key";
import { Untrue } from "../trustee/log_proof";
import { TooEarly, brokenPromises, check, checkDrill, readBundle, release } from "../trustee/release";
import { beijing, now, ownNow } from "./clock";
import { rootsPanels, signersTold } from "./roots";
import { keyFor } from "./sign";
import { believed, grouped, pinShown, policyFacts, showFacts, trustPanels } from "./trust";
import { attribute, chosenFile, complain, download, field, onSubmit, words } from "./words";

/** Wires every trustee form below `root`. */
export function trusteeForms(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-trustee-key]")) onSubmit(form, () => sendKey(form));
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-trustee-set]")) onSubmit(form, () => signSet(form));
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-release]")) onSubmit(form, () => sendRelease(form));
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-log-try]")) onSubmit(form, () => tryLog(form));
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-trustee-try]")) onSubmit(form, () => tryBackup(form));
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-trustee-restore]")) onSubmit(form, () => takeBackup(form));
  for (const element of root.querySelectorAll<HTMLElement>("[data-trustee-state]")) void showState(element);
  trustPanels(root);
  rootsPanels(root);
}

async function sendKey(form: HTMLFormElement): Promise<void> {
  const signer = await keyFor(form);
  if (signer === undefined) return;
  const id = attribute(form, "trustee-key");
  // A key that is already here is sent again: a second key under one id would make the first one's set useless.
  let key = await get("trustee", id);
  if (key === undefined) {
    const passphrase = form.querySelector<HTMLInputElement>("[data-passphrase]")?.value ?? "";
    if (passphrase !== "" && [...passphrase].length < 8) return complain(form, "short");
    const made = await makeBoxKey(id, passphrase);
    key = made.key;
    if (made.backup !== null) download(made.backup, `sunbid-trustee-${id.replaceAll(/[^A-Za-z0-9-]/g, "-")}.p8`, "application/pkcs8");
  }
  if (!(await pinShown(key))) return complain(form, "no-log");
  field(form, "hpke").value = toBase64url(key.publicKey);
  field(form, "certificate").value = asField(signer.certificates[0] ?? new Uint8Array(0));
  form.submit();
}

async function signSet(form: HTMLFormElement): Promise<void> {
  const signer = await keyFor(form);
  const own = await boxKey(form, "trustee-set");
  if (signer === undefined || own === undefined) return;
  try {
    const set = readDocument<{ members: Omit<Member, "sig">[]; t: number; tender: string; typ: string }>(attribute(form, "set"), "etrade/trustee-set/v1", UNSIGNED_SET);
    const place = Number(attribute(form, "place"));
    demand(set.members[place - 1]?.i === place && set.members[place - 1]?.hpke === toBase64url(own.publicKey), "own key");
    field(form, "signature").value = asField(await signBytes(signer.privateKey, trusteeSetMessage(set)));
    form.submit();
  } catch (error) {
    if (error instanceof BadDocument) return complain(form, "document", error.what);
    throw error;
  }
}

/** What was checked and shown, and by what it was believed, until the trustee confirms it. */
const looked = new WeakMap<HTMLFormElement, { readonly bundle: OpeningBundle; readonly trust: string }>();

/** All that a trustee chose to believe, for comparing: the pin and the roots. */
function trustOf(box: TrusteeKey): string {
  return [box.log ?? "", ...(box.roots ?? []).map(toHex)].join("\n");
}

async function sendRelease(form: HTMLFormElement): Promise<void> {
  const signer = await keyFor(form);
  const box = await boxKey(form, "release");
  if (signer === undefined || box === undefined) return;
  try {
    const seen = looked.get(form);
    // what was pinned or chosen meanwhile, in another window, has not been asked
    const confirmed = seen?.trust === trustOf(box) ? seen.bundle : undefined;
    const bundle = confirmed ?? (await fetchBundle(form));
    if (bundle === undefined) return;
    if (!(await knowsEd25519())) return complain(form, "no-ed25519");
    if (form.dataset["drill"] !== undefined) {
      const log = await believed(box);
      if (log === undefined) return complain(form, "no-log");
      await checkDrill(bundle, await readPolicy(log), ownNow());
      await pinShown(box);
    } else if (confirmed === undefined) {
      await look(form, box, bundle);
      return;
    } else if (box.log === undefined) {
      // what was compared by the trustee at the first use is what counts from then on
      await put("trustee", { ...box, log: (await believed(box)) ?? bundle.log?.policy ?? "" });
    }
    field(form, "release").value = canonical(await release(bundle, { box, signing: signer.privateKey }));
    form.submit();
  } catch (error) {
    refuse(form, error);
  }
}

/** Says what is untrue in the papers; other errors go on. */
function refuse(form: HTMLFormElement, error: unknown): void {
  if (error instanceof TooEarly) return complain(form, "too-early-own");
  if (error instanceof Untrue) return complain(form, `untrue-${error.code}`);
  if (error instanceof BadDocument) return complain(form, "document", error.what);
  throw error;
}

/** After the drill: checks the log again as the opening will, and sends nothing. */
async function tryLog(form: HTMLFormElement): Promise<void> {
  const done = form.querySelector<HTMLElement>("[data-tried]");
  const box = await boxKey(form, "log-try");
  if (box === undefined || done === null) return;
  done.hidden = true;
  if (!(await knowsEd25519())) return complain(form, "no-ed25519");
  const log = await believed(box);
  if (log === undefined) return complain(form, "no-log");
  try {
    const bundle = await fetchBundle(form);
    if (bundle === undefined) return;
    const ready = await checkDrill(bundle, await readPolicy(log), ownNow());
    const witnesses = ready.witnesses.map(({ name, at }) => `${name} ${beijing(at)}`).join("; ") || words(form, "nobody");
    done.textContent = words(form, "log-holds", { size: String(ready.logSize), witnesses });
    done.hidden = false;
  } catch (error) {
    refuse(form, error);
  }
}

async function fetchBundle(form: HTMLFormElement): Promise<OpeningBundle | undefined> {
  const answer = await fetch(attribute(form, "bundle-url"), { credentials: "same-origin", cache: "no-store" });
  if (!answer.ok) {
    complain(form, "no-bundle", String(answer.status));
    return undefined;
  }
  return readBundle(await answer.text());
}

/** Checks a bundle and shows what it says; the next press of the button releases. */
async function look(form: HTMLFormElement, box: TrusteeKey, bundle: OpeningBundle): Promise<void> {
  const known = (await believed(box)) ?? bundle.log?.policy ?? "";
  if (bundle.log === undefined) throw new Untrue("drill_only");
  const trust = await readPolicy(known);
  const machine = ownNow();
  const shown = await check(bundle, trust, machine);
  const panel = form.querySelector<HTMLElement>("[data-shown]");
  if (panel === null) throw new Error("the form has no place for what is released");
  const set = bundle.bid_set;
  const facts: Record<string, string> = {
    tender: `${set.tender} ${shown.title}`,
    lot: set.lot,
    opens: beijing(shown.opensAt),
    notices: words(panel, "notices", { notices: String(shown.notices.length), moved: String(shown.moved) }),
    signers: (await signersTold(panel, shown.notices, box)).join("\n"),
    clock: beijing(machine),
    bids: String(set.bids.length),
    closing: words(panel, "closed", { size: set.closing.size, at: beijing(shown.closedAt) }),
    ...(await policyFacts(panel, trust)),
    witnesses: shown.witnesses.map(({ name, at }) => `${name} ${beijing(at)}`).join("; ") || words(panel, "nobody"),
    session: grouped(await sha256(readPoint(bundle.session, "the session key"))),
  };
  showFacts(panel, facts);
  const warn = (name: string, when: boolean) => panel.querySelectorAll<HTMLElement>(`[data-warn="${name}"]`).forEach((line) => (line.hidden = !when));
  warn("first", box.log === undefined);
  warn("clock", differs(machine, [now(), ...shown.witnesses.filter((witness) => witness.at > machine).map((witness) => witness.at)]));
  const broken = await brokenPromises(bundle, box);
  warn("broken", broken.length > 0);
  const named = [...broken.slice(0, 5), ...(broken.length > 5 ? ["…"] : [])].join(", ");
  panel.querySelectorAll<HTMLElement>('[data-warn="broken"]').forEach((line) => (line.textContent = words(line, "broken", { count: String(broken.length), bids: named })));
  panel.hidden = false;
  const button = form.querySelector<HTMLButtonElement>("button");
  if (button !== null) button.textContent = words(panel, "confirm");
  looked.set(form, { bundle, trust: trustOf(box) });
  // nothing is taken out from under a person who reads
  form.dataset["looked"] = "";
  panel.tabIndex = -1;
  panel.focus();
}

/** Whether this computer's clock is more than five minutes away from one of these times. */
function differs(machine: bigint, times: readonly bigint[]): boolean {
  return times.some((at) => (at > machine ? at - machine : machine - at) > 300_000_000n);
}

async function takeBackup(form: HTMLFormElement): Promise<void> {
  const file = chosenFile(form);
  if (file === undefined) return;
  try {
    await restoreBoxKey(attribute(form, "trustee-restore"), new Uint8Array(await file.arrayBuffer()), form.querySelector<HTMLInputElement>("[data-passphrase]")?.value ?? "");
    form.reset();
    document.querySelectorAll<HTMLElement>("[data-trustee-state]").forEach((element) => void showState(element));
  } catch (error) {
    complain(form, error instanceof WrongPassphrase ? "passphrase" : "unsupported");
  }
}

/** Loads a backup without keeping it, and shows that it opens what is locked to this browser's key. */
async function tryBackup(form: HTMLFormElement): Promise<void> {
  const file = chosenFile(form);
  if (file === undefined) return;
  const here = await boxKey(form, "trustee-try");
  if (here === undefined) return;
  try {
    const backup = await importBoxKey(await readEncryptedKey(new Uint8Array(await file.arrayBuffer()), form.querySelector<HTMLInputElement>("[data-passphrase]")?.value ?? ""));
    if (!(await opensProbe(here.publicKey as Bytes, backup))) return complain(form, "other-key");
  } catch (error) {
    return complain(form, error instanceof WrongPassphrase ? "passphrase" : "unsupported");
  }
  form.reset();
  const done = form.querySelector<HTMLElement>("[data-tried]");
  if (done === null) return;
  done.textContent = words(form, "tried");
  done.hidden = false;
}

async function boxKey(form: HTMLElement, name: string): Promise<TrusteeKey | undefined> {
  const key = await get("trustee", attribute(form, name));
  if (key === undefined) complain(form, "no-box-key");
  return key;
}

async function showState(element: HTMLElement): Promise<void> {
  const key = await get("trustee", attribute(element, "trustee-state"));
  element.dataset["state"] = key === undefined ? "absent" : "present";
  element.textContent = words(element, element.dataset["state"]);
}

