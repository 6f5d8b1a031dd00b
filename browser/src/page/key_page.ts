/**
 * The page of the signing key (`templates/account/key.html`): make one and have it certified, back it up, restore it;
 * or, where outside authorities certify, take over the key file that one of them gave out.
 * Passwords typed here are inputs without a name; they never leave the browser.
 */
import { fromBase64url } from "../bytes/bytes";
import { get } from "../keys/database";
import { UnsupportedFile, WrongPassphrase, readKeyFile } from "../keys/pkcs12";
import { asField, backUp, makeKey, prove, restore, signsAlike, storeKey } from "../keys/signing";
import { Refused, postFields } from "./post";
import { attribute, download } from "./words";

/** The least letters of the password of a backup. */
const PASSWORD_MIN = 10;

/** Wires the panel `[data-key-enrol]`. */
export function keyPanel(panel: HTMLElement): void {
  wire(panel, "[data-key-make]", () => make(panel));
  wire(panel, "[data-key-restore]", () => takeBackup(panel));
  wire(panel, "[data-key-try]", () => tryBackup(panel));
  wire(panel, "[data-key-present]", () => present(panel));
  void showState(panel);
}

async function make(panel: HTMLElement): Promise<string> {
  const password = input(panel, "backup-password").value;
  if (password !== "" && [...password].length < PASSWORD_MIN) throw new Said(panel, "short");
  const person = attribute(panel, "person");
  const fresh = await makeKey(person);
  const answer = await postFields("/account/key", {
    csrf: attribute(panel, "csrf"),
    public_key: asField(fresh.point),
    proof: asField(fresh.proof),
  });
  const certificate = answer.getResponseHeader("X-Certificate");
  if (certificate === null) throw new Error("the server sent no certificate");
  const file = { privateKey: fresh.privateKey, certificates: [fromBase64url(certificate)] };
  await storeKey(person, file);
  if (password !== "") download(await backUp(file, password, person), "sunbid-key.p12", "application/x-pkcs12");
  fresh.privateKey.fill(0);
  return password === "" ? "bare" : "done";
}

async function takeBackup(panel: HTMLElement): Promise<string> {
  const { bytes, password } = await chosen(panel);
  await opening(panel, async () => {
    const restored = await restore(attribute(panel, "person"), bytes, password);
    restored.privateKey.fill(0);
  });
  return "here";
}

/** Loads a backup without keeping it: a probe that it signs must fit the key of this browser's certificate. */
async function tryBackup(panel: HTMLElement): Promise<string> {
  const { bytes, password } = await chosen(panel);
  const here = await get("signing", attribute(panel, "person"));
  if (here === undefined) throw new Said(panel, "absent");
  const same = await opening(panel, async () => signsAlike(await readKeyFile(bytes, password), here));
  if (!same) throw new Said(panel, "other");
  return "tried";
}

/** Opens the key file of an outside authority here, and shows the server its certificate and that we hold the key. */
async function present(panel: HTMLElement): Promise<string> {
  const { bytes, password } = await chosen(panel);
  const person = attribute(panel, "person");
  const csrf = attribute(panel, "csrf");
  const [file, proof] = await opening(panel, async () => {
    const read = await readKeyFile(bytes, password);
    return [read, await prove(read, person, csrf)] as const;
  });
  const certificate = file.certificates[0];
  if (certificate === undefined) throw new Said(panel, "unsupported");
  await postFields("/account/key/certificate", { csrf, certificate: asField(certificate), proof: asField(proof) });
  await storeKey(person, file);
  file.privateKey.fill(0);
  return "done";
}

/** The key file that was chosen, and its password. */
async function chosen(panel: HTMLElement): Promise<{ bytes: Uint8Array; password: string }> {
  const file = input(panel, "restore-file").files?.[0];
  if (file === undefined) throw new Said(panel, "nofile");
  return { bytes: new Uint8Array(await file.arrayBuffer()), password: input(panel, "restore-password").value };
}

async function opening<T>(panel: HTMLElement, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WrongPassphrase) throw new Said(panel, "wrong");
    if (error instanceof UnsupportedFile) throw new Said(panel, "unsupported");
    throw error;
  }
}

async function showState(panel: HTMLElement): Promise<void> {
  say(panel, (await get("signing", attribute(panel, "person"))) === undefined ? "absent" : "here");
}

/** A problem that the page has a sentence for, or at least its general one. */
class Said extends Error {
  constructor(panel: HTMLElement, name: string) {
    super(panel.dataset[name] ?? panel.dataset["failed"] ?? name);
  }
}

function wire(panel: HTMLElement, selector: string, work: () => Promise<string>): void {
  const button = panel.querySelector<HTMLButtonElement>(selector);
  button?.addEventListener("click", () => {
    button.disabled = true;
    work()
      .then((outcome) => {
        panel.querySelectorAll<HTMLInputElement>("input").forEach((field) => { field.value = ""; });
        say(panel, outcome);
      })
      .catch((error: unknown) => {
        const known = error instanceof Said || error instanceof Refused;
        status(panel, known ? error.message : `${panel.dataset["failed"] ?? ""} (${error instanceof Error ? error.message : String(error)})`);
      })
      .finally(() => { button.disabled = false; });
  });
}

function say(panel: HTMLElement, name: string): void {
  panel.dataset["state"] = name;
  status(panel, panel.dataset[name] ?? "");
}

function status(panel: HTMLElement, sentence: string): void {
  const line = panel.querySelector<HTMLElement>("[data-key-status]");
  if (line !== null) line.textContent = sentence;
}

function input(panel: HTMLElement, id: string): HTMLInputElement {
  const found = panel.querySelector(`#${id}`);
  if (found instanceof HTMLInputElement) return found;
  throw new Error(`the page has no input ${id}`);
}
