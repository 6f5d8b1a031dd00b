/**
 * What a trustee's browser believes of the log, on the trustees' page (`[data-trust="id"]`): what is pinned, or would be at the next
 * step, with the key's fingerprint, the witnesses by name and how many of them are needed; and another policy from a file, whose
 * differences are shown before it takes the place of the pinned one.
 */
import { toHex, utf8 } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";
import { type TrusteeKey, get, put } from "../keys/database";
import { knowsEd25519 } from "../log/note";
import { type Policy, type Rotation, readPolicy, readRotations } from "../log/policy";
import { BadDocument } from "../sealing/documents";
import { changeOf } from "../trustee/pin";
import { attribute, chosenFile, complain, onSubmit, reveal, words } from "./words";

/** What the page has shown that will be pinned, by tender. Nothing else ever is. */
const offered = new Map<string, string>();

/** A policy from a file that the trustee confirmed before there was a key to pin it beside: it outlives the page. */
const ahead = {
  of: (id: string) => localStorage.getItem(`sunbid-pin/${id}`) ?? undefined,
  keep: (id: string, log: string) => localStorage.setItem(`sunbid-pin/${id}`, log),
  forget: (id: string) => localStorage.removeItem(`sunbid-pin/${id}`),
};
/** The panels that are being filled: nobody is asked to wait who can be waited for. */
const filling = new Map<string, Promise<void>>();
/** A policy from a file that was shown and waits for the trustee's word. */
const chosen = new WeakMap<HTMLElement, string>();

/** Wires every panel below `root`. */
export function trustPanels(root: ParentNode): void {
  for (const panel of root.querySelectorAll<HTMLElement>("[data-trust]")) {
    filling.set(attribute(panel, "trust"), refresh(panel));
    for (const form of panel.querySelectorAll<HTMLFormElement>("[data-trust-file]")) onSubmit(form, () => compare(panel, form));
    for (const form of panel.querySelectorAll<HTMLFormElement>("[data-trust-confirm]")) onSubmit(form, () => confirm(panel));
  }
}

/** What is believed of the log with this key: what is pinned, or what the page shows that it is about to pin. */
export async function believed(key: TrusteeKey): Promise<string | undefined> {
  await filling.get(key.id);
  return key.log ?? offered.get(key.id) ?? ahead.of(key.id);
}

/** Pins what the page has shown, once: from then on nothing else is believed. Gives whether anything is pinned now. */
export async function pinShown(key: TrusteeKey): Promise<boolean> {
  const log = await believed(key);
  if (log === undefined) return false;
  if (key.log === undefined) await put("trustee", { ...key, log });
  ahead.forget(key.id);
  return true;
}

/** SHA-256 in groups that people can compare. */
export function grouped(hash: Uint8Array): string {
  return toHex(hash).replaceAll(/(.{8})(?!$)/g, "$1 ");
}

async function refresh(panel: HTMLElement): Promise<void> {
  const id = attribute(panel, "trust");
  const key = await get("trustee", id);
  for (const line of panel.querySelectorAll<HTMLElement>("[data-no-ed25519]")) line.hidden = await knowsEd25519();
  const state = panel.querySelector<HTMLElement>("[data-trust-state]");
  if (state === null) return;
  let log = key?.log ?? offered.get(id) ?? ahead.of(id);
  const from = key?.log !== undefined ? "pinned" : log !== undefined ? "file" : "platform";
  try {
    log ??= await told();
    await describe(panel, "known", await readPolicy(log));
  } catch (error) {
    state.textContent = words(panel, "unread", { why: error instanceof Error ? error.message : String(error) });
    return;
  }
  if (key?.log === undefined) offered.set(id, log);
  state.textContent = words(panel, from);
  state.className = from === "pinned" ? "done" : "turn";
  panel.dataset["trustFrom"] = from;
}

/** What the platform says of its own log. */
async function told(): Promise<string> {
  const policy = await fetch("/log/policy", { cache: "no-store" });
  if (policy.ok) return policy.text();
  const key = await fetch("/log/key", { cache: "no-store" });
  if (!key.ok) throw new Error(`/log/key: ${key.status}`);
  return `log ${(await key.text()).trim()}\nquorum none\n`;
}

/** A policy for people: the log's key and its fingerprint, the witnesses by name, and who of them is needed. */
export async function policyFacts(panel: HTMLElement, policy: Policy): Promise<{ log: string; print: string; witnesses: string; quorum: string }> {
  const prints = await Promise.all(policy.logs.map(async (log) => grouped(await sha256(utf8(log.text)))));
  return {
    log: policy.logs.map((log) => log.text).join("\n"),
    print: prints.join("\n"),
    witnesses: policy.witnesses.map(({ name, key }) => `${name}: ${key.text}`).join("\n") || words(panel, "nobody"),
    quorum: policy.quorum === null ? words(panel, "none-needed") : needed(panel, policy, policy.quorum),
  };
}

/** Writes texts into the places `data-fact="<before><name>"`, line by line. */
export function showFacts(panel: HTMLElement, facts: Record<string, string>, before = ""): void {
  for (const [name, value] of Object.entries(facts)) {
    const place = panel.querySelector<HTMLElement>(`[data-fact="${before}${name}"]`);
    place?.replaceChildren(...value.split("\n").flatMap((line, at) => (at === 0 ? [line] : [document.createElement("br"), line])));
  }
}

async function describe(panel: HTMLElement, side: string, policy: Policy): Promise<void> {
  showFacts(panel, await policyFacts(panel, policy), `${side}-`);
}

/** Who is needed, with groups written out. */
function needed(panel: HTMLElement, policy: Policy, name: string): string {
  const group = policy.groups.find((one) => one.name === name);
  if (group === undefined) return name;
  const names = group.members.map((member) => needed(panel, policy, member)).join(words(panel, "and"));
  return words(panel, "of", { count: String(group.threshold), names });
}

/** Shows what a policy from a file changes. Nothing is pinned yet. */
async function compare(panel: HTMLElement, form: HTMLFormElement): Promise<void> {
  const change = panel.querySelector<HTMLElement>("[data-trust-change]");
  if (change === null) throw new Error("the panel has no place for a change");
  change.hidden = true;
  const file = chosenFile(form);
  if (file === undefined) return;
  let text: string;
  let policy: Policy;
  try {
    text = await file.text();
    policy = await readPolicy(text);
  } catch (error) {
    return complain(form, "no-policy", error instanceof BadDocument ? error.what : "");
  }
  const id = attribute(panel, "trust");
  const old = (await get("trustee", id))?.log ?? offered.get(id) ?? (await told());
  // a pin of earlier times that is refused today must not stand in the way of a better one
  const before = await readPolicy(old).catch((error: unknown) => (error instanceof BadDocument ? undefined : Promise.reject(error)));
  const found = changeOf(before ?? { logs: [], witnesses: [], groups: [], quorum: null }, policy, await rotations());
  if (before === undefined) showFacts(panel, { log: old, print: "", witnesses: "", quorum: "" }, "old-");
  else await describe(panel, "old", before);
  await describe(panel, "new", policy);
  const show = (selector: string, when: boolean) => panel.querySelectorAll<HTMLElement>(selector).forEach((line) => (line.hidden = !when));
  for (const name of ["log", "witnesses", "quorum"] as const) show(`[data-differs=${name}]`, found[name]);
  show("[data-warn=led]", found.log && found.led);
  show("[data-warn=not-led]", found.log && !found.led);
  show("[data-warn=unwitnessed]", policy.quorum === null && (before === undefined || before.quorum !== null));
  show("[data-warn=same]", !found.log && !found.witnesses && !found.quorum);
  chosen.set(panel, text);
  reveal(change);
}

/** The log's changes of key; none if it shows none that hold. */
async function rotations(): Promise<Rotation[]> {
  try {
    const answer = await fetch("/log/rotations", { cache: "no-store" });
    return await readRotations(answer.ok ? await answer.text() : "");
  } catch {
    return [];
  }
}

async function confirm(panel: HTMLElement): Promise<void> {
  const id = attribute(panel, "trust");
  const log = chosen.get(panel);
  if (log === undefined) return;
  const key = await get("trustee", id);
  if (key === undefined) {
    offered.set(id, log);
    ahead.keep(id, log);
  } else await put("trustee", { ...key, log });
  chosen.delete(panel);
  panel.querySelectorAll<HTMLElement>("[data-trust-change]").forEach((change) => (change.hidden = true));
  panel.querySelectorAll<HTMLFormElement>("[data-trust-file]").forEach((form) => form.reset());
  await refresh(panel);
  const state = panel.querySelector<HTMLElement>("[data-trust-state]");
  if (state === null) return;
  state.tabIndex = -1;
  state.focus();
}
