/** What another policy would change of what a trustee pinned. Where it comes from is the trustee's to know. */
import { type Policy, type Rotation, keysOf } from "../log/policy";

export interface Change {
  /** Other keys of the log. */
  readonly log: boolean;
  readonly witnesses: boolean;
  /** Who must cosign. */
  readonly quorum: boolean;
  /** Whether changes of key that both keys signed lead from the pinned log to every new key. */
  readonly led: boolean;
}

/** Compares `next` with what is pinned; `rotations` is what the log says of its own keys, each signed by old and new. */
export function changeOf(pinned: Policy, next: Policy, rotations: readonly Rotation[]): Change {
  const keys = (policy: Policy) => policy.logs.map((log) => log.text).sort().join();
  const witnesses = (policy: Policy) => policy.witnesses.map(({ name, key }) => `${name} ${key.text}`).sort().join();
  const believed = keysOf(pinned, rotations);
  return {
    log: keys(pinned) !== keys(next),
    witnesses: witnesses(pinned) !== witnesses(next),
    quorum: needed(pinned) !== needed(next),
    led: next.logs.every((log) => believed.some((key) => key.text === log.text)),
  };
}

/** Who must cosign, groups written out; witnesses by their keys, so that the same name for another one is a change. */
function needed(policy: Policy, name: string | null = policy.quorum): string {
  if (name === null) return "none";
  const group = policy.groups.find((one) => one.name === name);
  if (group !== undefined) return `${group.threshold} of (${group.members.map((member) => needed(policy, member)).sort().join()})`;
  return `${name} ${policy.witnesses.find((one) => one.name === name)?.key.text ?? ""}`;
}
