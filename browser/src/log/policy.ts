/** Who is believed about the log (C2SP tlog-policy) and how it changed its key (docs/formats/log.md, sections 7 and 10). */
import { type Bytes, equal } from "../bytes/bytes";
import { demand } from "../sealing/documents";
import { type Note, type VerifierKey, fits, fromBase64, isOf, readKey, readNote, secondsOf } from "./note";

interface Group {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

/** A policy as it was read. */
export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly { readonly name: string; readonly key: VerifierKey }[];
  readonly groups: readonly Group[];
  /** A witness or group; `null` where nobody must cosign. */
  readonly quorum: string | null;
}

/** What a checkpoint says. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Bytes;
}

/** One change of the log's key. */
export interface Rotation {
  readonly from: VerifierKey;
  readonly to: VerifierKey;
  readonly size: bigint;
  readonly root: Bytes;
}

/** Reads a policy. */
export async function readPolicy(text: string): Promise<Policy> {
  demand(text.length <= 1 << 16 && !/[\x00-\x08\x0b-\x1f\x7f]/.test(text), "the policy");
  const logs: VerifierKey[] = [];
  const witnesses: { name: string; key: VerifierKey }[] = [];
  const groups: Group[] = [];
  let quorum: string | null | undefined;
  const known = (name: string) => witnesses.some((one) => one.name === name) || groups.some((one) => one.name === name);
  for (const line of text.split("\n")) {
    const words = line.split(/[ \t]+/).filter((word) => word !== "");
    const [what, first, second, ...rest] = words;
    if (what === undefined || what.startsWith("#")) continue;
    if (what === "log" && first !== undefined && words.length <= 3) {
      const key = await readKey(first);
      demand(key.kind === "log" && isNew(key, logs), "a log's key in the policy");
      logs.push(key);
    } else if (what === "witness" && first !== undefined && second !== undefined && words.length <= 4) {
      const key = await readKey(second);
      demand(key.kind === "witness" && !known(first) && first !== "none", "a witness of the policy");
      demand(isNew(key, witnesses.map((one) => one.key)), "one key under two names in the policy");
      witnesses.push({ name: first, key });
    } else if (what === "group" && first !== undefined && second !== undefined) {
      const threshold = second === "all" ? rest.length : second === "any" ? 1 : /^[1-9]\d{0,3}$/.test(second) ? Number(second) : 0;
      demand(threshold >= 1 && threshold <= rest.length, "the threshold of a group of the policy");
      demand(!known(first) && first !== "none" && rest.every(known) && new Set(rest).size === rest.length, "a group of the policy");
      demand(!groups.some((group) => group.members.some((member) => rest.includes(member))), "a member of two groups of the policy");
      groups.push({ name: first, threshold, members: rest });
    } else {
      demand(what === "quorum" && first !== undefined && second === undefined && quorum === undefined, "a line of the policy");
      demand(first === "none" || known(first), "the quorum of the policy");
      quorum = first === "none" ? null : first;
    }
    demand(logs.length + witnesses.length + groups.length <= 128, "the length of the policy");
  }
  demand(quorum !== undefined && logs.length > 0, "the policy");
  return { logs, witnesses, groups, quorum };
}

/** Whether none of `known` is the same key, under whichever name. */
function isNew(key: VerifierKey, known: readonly VerifierKey[]): boolean {
  return known.every((one) => !equal(one.publicKey, key.publicKey));
}

/** Whether these witnesses are enough. */
export function isMet(policy: Policy, cosigners: readonly string[], name: string | null = policy.quorum): boolean {
  if (name === null) return true;
  const group = policy.groups.find((one) => one.name === name);
  if (group === undefined) return cosigners.includes(name);
  return group.members.filter((member) => isMet(policy, cosigners, member)).length >= group.threshold;
}

/** Reads the text of a checkpoint. */
export function readCheckpoint(text: string): Checkpoint {
  const lines = text.split("\n");
  const [origin, size, root] = lines;
  demand(lines.length >= 4 && origin !== undefined && origin !== "" && /^(0|[1-9]\d*)$/.test(size ?? ""), "a checkpoint");
  const bytes = fromBase64(root ?? "");
  demand(bytes.length === 32, "the root of a checkpoint");
  return { origin: origin as string, size: BigInt(size as string), root: bytes };
}

/** Reads all changes of key, each signed by both keys and following the one before. */
export async function readRotations(text: string): Promise<Rotation[]> {
  const all: Rotation[] = [];
  const parts = text === "" ? [] : text.split("\n\n");
  demand(parts.length % 2 === 0 && parts.length <= 128, "the log's changes of key");
  for (let at = 0; at < parts.length; at += 2) {
    const signatures = (parts[at + 1] as string).replace(/\n$/, "");
    const next = await readRotation(readNote(`${parts[at]}\n\n${signatures}\n`));
    const last = all.at(-1);
    const fresh = all.every((one) => one.from.text !== next.to.text);
    demand(fresh && (last === undefined || (last.to.text === next.from.text && last.size < next.size)), "the log's changes of key");
    all.push(next);
  }
  return all;
}

async function readRotation(note: Note): Promise<Rotation> {
  const lines = note.text.split("\n");
  demand(lines.length === 7 && lines[0] === "sunbid/log-rotation/v1", "a change of key");
  const [, origin, old, fresh, size, root] = lines as [string, string, string, string, string, string];
  const [from, to] = [await readKey(old), await readKey(fresh)];
  for (const key of [from, to]) {
    demand(key.name === origin && key.kind === "log", "a key of a change");
    const line = note.lines.find((one) => isOf(one, key));
    demand(line !== undefined && (await fits(key, note.text, line)), "a change of key that not both signed");
  }
  demand(from.text !== to.text && /^(0|[1-9]\d*)$/.test(size), "a change of key");
  return { from, to, size: BigInt(size), root: fromBase64(root) };
}

/** The keys that somebody who knows one of the chain may believe. */
export function keysOf(policy: Policy, rotations: readonly Rotation[]): VerifierKey[] {
  const chain = rotations.length === 0 ? [] : [rotations[0]!.from, ...rotations.map((one) => one.to)];
  const led = chain.some((key) => policy.logs.some((log) => log.text === key.text));
  const further = led ? chain.filter((key) => policy.logs.every((log) => log.text !== key.text)) : [];
  return [...policy.logs, ...further];
}

/** Whether `key` was the log's key at this checkpoint. */
export function inTerm(key: VerifierKey, rotations: readonly Rotation[], { size, root }: Checkpoint): boolean {
  return rotations.every((one) => {
    const [old, fresh] = [one.from.text === key.text, one.to.text === key.text];
    if ((old && size > one.size) || (fresh && size < one.size)) return false;
    return !((old || fresh) && size === one.size && !equal(root, one.root));
  });
}

/** Who of the policy's witnesses cosigned a note, and when in seconds since 1970. */
export function cosigners(policy: Policy, note: Note): { name: string; seconds: bigint }[] {
  return policy.witnesses.flatMap(({ name, key }) => {
    const line = note.lines.find((one) => isOf(one, key));
    return line === undefined ? [] : [{ name, seconds: secondsOf(line) }];
  });
}
