/**
 * "Can I open this?": reads a sealed bid back from where it was stored and opens it with the key that it commits to, before
 * anything is handed in. The trustees' secret is still here at that moment, so nobody else is needed. Memory stays flat.
 */
import { type Bytes, equal, toBase64url } from "../bytes/bytes";
import type { Archive } from "./archive";
import { boxes, commitBidder, commitShares, commitTrustees, payloadAssociated, payloadKey, shares } from "./boxes";
import { type Manifest, contextHash, readBytes } from "./documents";
import { type SecondHolder, secondBox } from "./bidder_key";
import { combine } from "./shamir";
import { TinkOpener, ciphertextSize, segmentCount } from "./tink_stream";
import { leaf, root } from "./tree";

/** What was stored is not what was sealed. `what` is a word for the log. */
export class DoesNotOpen extends Error {
  constructor(readonly what: string) {
    super(`the sealed bid does not open: ${what}`);
  }
}

/** The secrets of one bid, while they are here. */
export interface OwnSecrets {
  readonly trustees: Uint8Array;
  readonly bidder: Uint8Array;
}

/** Where the stored slices are read from, and who is told how far it is. */
export interface ReadBack {
  readonly read: (index: number) => Promise<Uint8Array>;
  readonly progress?: (done: number, count: number) => void;
}

/** Throws {@link DoesNotOpen} unless the stored slices open to exactly `archive`, and the boxes and commitments are those of the key. */
export async function openAgain(manifest: Manifest, secrets: OwnSecrets, keys: readonly Bytes[], archive: Archive, stored: ReadBack): Promise<void> {
  const context = await contextHash(manifest.ctx);
  await checkLock(context, manifest, secrets, keys);
  const count = segmentCount(archive.size);
  if (Number(manifest.ct.size) !== ciphertextSize(archive.size)) throw new DoesNotOpen("size");
  const key = await payloadKey(context, secrets.trustees, secrets.bidder);
  const opener = await TinkOpener.create(key, payloadAssociated(context), await stored.read(0));
  const leaves: Bytes[] = [];
  for (let index = 0; index < count; index++) {
    const slice = await stored.read(index);
    leaves.push(await leaf(slice));
    let plain: Bytes;
    try {
      plain = await opener.open(slice, index + 1 === count);
    } catch {
      throw new DoesNotOpen(`slice ${index + 1}`);
    }
    if (!equal(plain, await archive.read(plain.length))) throw new DoesNotOpen(`content of slice ${index + 1}`);
    stored.progress?.(index + 1, count);
  }
  if (toBase64url(await root(leaves)) !== manifest.ct.root) throw new DoesNotOpen("root");
}

/** Some t shares give the committed key, every box and every share commitment is the one that the key gives, and so is the second holder's box. */
async function checkLock(context: Bytes, manifest: Manifest, secrets: OwnSecrets, keys: readonly Bytes[]): Promise<void> {
  const { lock } = manifest;
  const dealt = await shares(context, secrets.trustees, lock.t, lock.n);
  const key = combine(dealt.slice(-lock.t));
  if (toBase64url(await commitTrustees(context, key)) !== lock.commit_t) throw new DoesNotOpen("the trustees' key");
  const made = await boxes(context, key, lock.t, keys);
  if (made.map(toBase64url).join() !== lock.boxes.join()) throw new DoesNotOpen("the trustees' boxes");
  const told = await commitShares(context, key, lock.t, lock.n);
  if (told.map(toBase64url).join() !== lock.shares?.join()) throw new DoesNotOpen("the commitments to the trustees' shares");
  const own = secrets.bidder as Bytes;
  const committed = own.length === 0 ? null : toBase64url(await commitBidder(context, own));
  if (committed !== lock.commit_b) throw new DoesNotOpen("the bidder's key");
  const second: SecondHolder | undefined = lock.second;
  if (second !== undefined && (await secondBox(context, own, readBytes(second.hpke, 65, "the second holder"))).box !== second.box) throw new DoesNotOpen("the second holder's box");
}
