/**
 * The bid form: fill in, check your answers, seal in this browser, upload, submit. See browser/README.md for its
 * marks. Inputs of the offer have no `name`: without this script nothing of the offer can leave the browser.
 */
import { type SigningKey, type UploadRecord, keepStorage, put } from "../keys/database";
import { canonical } from "../bytes/canonical";
import { type Bytes, toBase64url, utf8 } from "../bytes/bytes";
import { type BidParameters, BadDocument, readDocument, readPoint } from "../sealing/documents";
import { BID_PARAMETERS } from "../sealing/shapes";
import { DoesNotOpen } from "../sealing/open_again";
import { type Offer, type SealedBid, sealBid } from "../sealing/seal";
import { nameIsAllowed, FILES_MAX } from "../sealing/archive";
import { boxKeyFile } from "../trustee/box_key";
import * as buffer from "../upload/buffer";
import { type Progress, Upload, UploadRefused } from "../upload/tus";
import { now, utcText } from "./clock";
import { keyFor } from "./sign";
import { attribute, calm, complain, download, field, words } from "./words";

type Step = "edit" | "review" | "work" | "pending";

/** What is kept with the slices so that a reload can go on. */
interface Kept {
  readonly manifest: string;
  readonly signature: string;
}

/** Wires one bid form. */
export async function sealForm(form: HTMLFormElement): Promise<void> {
  const id = attribute(form, "key");
  on(form, "[data-review]", () => review(form));
  on(form, "[data-back]", () => show(form, "edit"));
  on(form, "[data-confirm]", () => begin(form, id));
  on(form, "[data-continue]", async () => {
    const record = await buffer.pending(id);
    if (record !== undefined) await send(form, record);
  });
  on(form, "[data-discard]", async () => {
    await buffer.discard(id);
    show(form, "edit");
  });
  on(form, "[data-second-make]", () => makeSecond(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  show(form, (await buffer.pending(id)) === undefined ? "edit" : "pending");
}

/** Throws away what was kept for bids that the page says have arrived: `[data-arrived="key"]`. */
export async function forgetArrived(element: HTMLElement): Promise<void> {
  await buffer.discard(attribute(element, "arrived"));
}

/** A size for people: bytes below 1 KiB, then KiB, MiB, GiB with one digit. Display only. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds as `M:SS` or `H:MM:SS`. */
export function durationText(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const minutes = `${Math.floor(seconds / 60) % 60}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${minutes.padStart(2, "0")}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function offerOf(form: HTMLFormElement): Offer {
  const files = [...form.querySelectorAll<HTMLInputElement>("input[type=file][data-files]")].flatMap((input) => [...(input.files ?? [])]);
  const fields: Record<string, string> = {};
  for (const input of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[data-field]")) fields[attribute(input, "field")] = input.value.trim().normalize("NFC");
  return { files: files.map((content) => ({ name: content.name.normalize("NFC"), content })), form: fields };
}

async function review(form: HTMLFormElement): Promise<void> {
  calm(form);
  // without a key all the rest would be filled in for nothing
  if ((await keyFor(form)) === undefined) return;
  const offer = offerOf(form);
  const wrong = form.querySelector<HTMLInputElement | HTMLSelectElement>("[data-field]:invalid");
  if (wrong !== null) {
    complain(form, "field", wrong.labels?.[0]?.textContent?.trim() ?? "");
    return wrong.focus();
  }
  if (offer.files.length === 0 || offer.files.length > FILES_MAX) return complain(form, "no-files");
  const bad = offer.files.find((file, i) => !nameIsAllowed(file.name) || offer.files.findIndex((other) => other.name === file.name) !== i);
  if (bad !== undefined) return complain(form, "file-name", bad.name);
  const limit = Number(form.dataset["sizeMax"] ?? Number.MAX_SAFE_INTEGER);
  const total = offer.files.reduce((sum, file) => sum + file.content.size, 0);
  if (total > limit) return complain(form, "too-large");
  if (!(await fits(total))) return complain(form, "quota");
  if (isDual(form)) {
    const { passphrase, second } = keepingOf(form);
    if ([...passphrase].length < 8) return complain(form, "key-passphrase");
    if (passphrase !== (form.querySelector<HTMLInputElement>("[data-key-passphrase-again]")?.value ?? "")) return complain(form, "key-passphrase-again");
    if (second === undefined) return complain(form, "second");
  }
  const list = form.querySelector<HTMLElement>("[data-review-list]");
  list?.replaceChildren(...reviewRows(form, offer));
  show(form, "review");
}

/** Whether the browser has room for the sealed bid, as far as it tells: better known now than after an hour. */
async function fits(bytes: number): Promise<boolean> {
  const { quota, usage } = (await globalThis.navigator?.storage?.estimate?.()) ?? {};
  return quota === undefined || usage === undefined || quota - usage > bytes * 1.05;
}

/** Whether the bid is locked with the bidder's own key too. */
function isDual(form: HTMLFormElement): boolean {
  return form.querySelector("[data-key-passphrase]") !== null;
}

/** How the bidder keeps the own key; `second` is undefined for a text that is no box key. */
function keepingOf(form: HTMLFormElement): { passphrase: string; second: Bytes | null | undefined } {
  const value = (name: string) => form.querySelector<HTMLInputElement>(`[data-${name}]`)?.value ?? "";
  const text = value("second").trim();
  let second: Bytes | null | undefined = null;
  if (text !== "") {
    try {
      second = readPoint(text, "the second holder's key");
    } catch {
      second = undefined;
    }
  }
  return { passphrase: value("key-passphrase"), second };
}

/** Makes a key for a second holder, hands its file out and names it in the form. */
async function makeSecond(form: HTMLFormElement): Promise<void> {
  calm(form);
  const passphrase = form.querySelector<HTMLInputElement>("[data-second-passphrase]")?.value ?? "";
  if ([...passphrase].length < 8) return complain(form, "key-passphrase");
  const made = await boxKeyFile(passphrase);
  download(made.file, "sunbid-second-holder.p8", "application/pkcs8");
  const input = form.querySelector<HTMLInputElement>("[data-second]");
  if (input !== null) input.value = toBase64url(made.publicKey);
}

/** What a field says, as the bidder reads it: of a choice its words. */
function shownValue(input: HTMLInputElement | HTMLSelectElement): string {
  return (input instanceof HTMLSelectElement ? input.selectedOptions[0]?.textContent ?? "" : input.value).trim();
}

function reviewRows(form: HTMLFormElement, offer: Offer): Node[] {
  const row = (name: string, value: string) => {
    const [term, definition] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    definition.textContent = value;
    return [term, definition];
  };
  const fields = [...form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[data-field]")].flatMap((input) => row(input.labels?.[0]?.textContent?.trim() ?? attribute(input, "field"), shownValue(input)));
  return [...fields, ...offer.files.flatMap((file) => row(file.name, sizeText(file.content.size)))];
}

async function begin(form: HTMLFormElement, id: string): Promise<void> {
  const key = await keyFor(form);
  if (key === undefined) return show(form, "edit");
  show(form, "work");
  try {
    await send(form, await seal(form, id, key));
  } catch (error) {
    show(form, "edit");
    if (error instanceof BadDocument) return complain(form, "parameters", error.what);
    if (error instanceof DoesNotOpen) return complain(form, "does-not-open", error.what);
    if (error instanceof DOMException && error.name === "QuotaExceededError") return complain(form, "quota");
    complain(form, "failed", error instanceof Error ? error.message : String(error));
  }
}

async function seal(form: HTMLFormElement, id: string, key: SigningKey): Promise<UploadRecord> {
  const parameters = readDocument<BidParameters>(attribute(form, "parameters"), "etrade/bid-parameters/v1", BID_PARAMETERS);
  await buffer.begin(id);
  stage(form, "sealing");
  const writer = { bundle: form.dataset["bundle"] ?? null, name: "sunbid-browser", ver: "1", created: utcText(now()) };
  let slices = 0;
  const { passphrase, second } = keepingOf(form);
  const sealed = await sealBid(parameters, offerOf(form), key, writer, async (index, slice, count) => {
    await buffer.keep(id, index, slice);
    slices = count;
    meter(form, index + 1, count);
  }, { passphrase, second: second ?? null }, {
    read: (index) => buffer.bytesOf(id, index),
    progress: (done, count) => {
      if (done === 1) stage(form, "checking");
      meter(form, done, count);
    },
  });
  if (sealed.bidderKey !== null) await keepBidderKey(sealed);
  const kept: Kept = { manifest: canonical(sealed.manifest), signature: canonical(sealed.signature) };
  const record = { id, about: JSON.stringify(kept), size: Number(sealed.manifest.ct.size), slices, location: null };
  await buffer.complete(record);
  return record;
}

/** The key file is downloaded and kept in this browser too, both under the passphrase. */
async function keepBidderKey(sealed: SealedBid): Promise<void> {
  await put("bidder", { m: toBase64url(sealed.id), file: canonical(sealed.bidderKey) });
  await keepStorage();
  download(utf8(canonical(sealed.bidderKey)), `bid.bidder-key-${toBase64url(sealed.id).slice(0, 8)}.json`, "application/json");
}

async function send(form: HTMLFormElement, record: UploadRecord): Promise<void> {
  show(form, "work");
  stage(form, "uploading");
  unmeasured(form);
  const upload = new Upload(buffer.parcel(record), {
    url: attribute(form, "upload-url"),
    headers: csrfHeader(form),
    location: record.location,
    onLocation: (location) => buffer.complete({ ...record, location }),
    onProgress: (progress) => showProgress(form, progress),
    onTrouble: (sentence) => trouble(form, sentence),
  });
  wirePause(form, upload);
  let location: string;
  try {
    location = await upload.run();
  } catch (error) {
    show(form, "pending");
    return complain(form, error instanceof UploadRefused ? "refused" : "network", error instanceof Error ? error.message : "");
  }
  trouble(form, null);
  stage(form, "submitting");
  const kept = JSON.parse(record.about) as Kept;
  field(form, "manifest").value = kept.manifest;
  field(form, "signature").value = kept.signature;
  field(form, "upload").value = new URL(location).pathname;
  form.submit();
}

function csrfHeader(form: HTMLFormElement): Record<string, string> {
  const token = form.elements.namedItem("csrf");
  return token instanceof HTMLInputElement ? { "X-CSRF-Token": token.value } : {};
}

function wirePause(form: HTMLFormElement, upload: Upload): void {
  const button = form.querySelector<HTMLButtonElement>("[data-pause]");
  if (button === null) return;
  button.hidden = false;
  button.onclick = () => {
    if (upload.paused) upload.resume();
    else upload.pause();
    button.textContent = words(button, upload.paused ? "resume" : "pause");
    stage(form, upload.paused ? "paused" : "uploading");
    if (upload.paused) for (const part of ["[data-speed]", "[data-left]"]) text(form, part, "");
    button.setAttribute("aria-pressed", String(upload.paused));
  };
}

function showProgress(form: HTMLFormElement, progress: Progress): void {
  const left = form.querySelector<HTMLElement>("[data-left]");
  const inWords = left === null || progress.secondsLeft === null ? "" : words(left, "left", { time: durationText(progress.secondsLeft) });
  meter(form, progress.sent, progress.size, inWords);
  text(form, "[data-sent]", `${sizeText(progress.sent)} / ${sizeText(progress.size)}`);
  text(form, "[data-speed]", progress.speed === null ? "" : `${sizeText(Math.round(progress.speed))}/s`);
  if (left !== null) left.textContent = inWords;
}

/** The bar and its number. Who does not see them hears every tenth part, and no more often. */
function meter(form: HTMLFormElement, value: number, max: number, more = ""): void {
  const bar = form.querySelector<HTMLProgressElement>("progress");
  if (bar === null) return;
  bar.max = max;
  bar.value = value;
  const percent = `${Math.floor((value * 100) / Math.max(max, 1))} %`;
  text(form, "[data-percent]", percent);
  const said = form.querySelector<HTMLElement>("[data-said]");
  const tenth = String(Math.floor((value * 10) / Math.max(max, 1)));
  if (said === null || said.dataset["tenth"] === tenth) return;
  said.dataset["tenth"] = tenth;
  said.textContent = `${percent} ${more}`.trim();
}

/** How far it is is not known yet: what the stage before said of itself goes. */
function unmeasured(form: HTMLFormElement): void {
  form.querySelector("progress")?.removeAttribute("value");
  for (const part of ["[data-percent]", "[data-sent]", "[data-speed]", "[data-left]", "[data-said]"]) text(form, part, "");
  delete form.querySelector<HTMLElement>("[data-said]")?.dataset["tenth"];
}

/** Why it does not go on right now; it goes on by itself. */
function trouble(form: HTMLFormElement, sentence: string | null): void {
  const box = form.querySelector<HTMLElement>("[data-trouble]");
  if (box === null) return;
  const said = sentence === null ? "" : sentence === "" ? words(box, "waiting") : sentence;
  // said once, however often it is tried
  if (box.textContent !== said) box.textContent = said;
  box.hidden = said === "";
}

function stage(form: HTMLFormElement, name: string): void {
  const element = form.querySelector<HTMLElement>("[data-stage]");
  if (element !== null) element.textContent = words(element, name);
}

function text(form: HTMLFormElement, selector: string, value: string): void {
  const element = form.querySelector<HTMLElement>(selector);
  if (element !== null) element.textContent = value;
}

function show(form: HTMLFormElement, step: Step): void {
  for (const part of form.querySelectorAll<HTMLElement>("[data-step]")) part.hidden = part.dataset["step"] !== step;
  const heading = form.querySelector<HTMLElement>(`[data-step="${step}"] h2`);
  if (heading !== null && step !== "edit") {
    heading.tabIndex = -1;
    heading.focus();
  }
}

function on(form: HTMLFormElement, selector: string, work: () => void | Promise<void>): void {
  form.querySelector<HTMLElement>(selector)?.addEventListener("click", () => {
    Promise.resolve(work()).catch((error: unknown) => complain(form, "failed", error instanceof Error ? error.message : String(error)));
  });
}
