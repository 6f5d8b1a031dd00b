/** The ciphertext of bids on their way, slice by slice in IndexedDB, so that a reload never seals again. */
import { type UploadRecord, forget, get, put } from "../keys/database";
import type { Bytes } from "../bytes/bytes";
import { SEGMENT } from "../sealing/tink_stream";
import type { Parcel } from "./tus";

/** Begins a new sealing under `id`: whatever lay there is thrown away. */
export async function begin(id: string): Promise<void> {
  await discard(id);
}

/** Keeps one slice. */
export function keep(id: string, index: number, content: Bytes): Promise<void> {
  // as a blob: the upload then goes from the disk to the network, and its bytes never come into this page's memory
  return put("slice", { upload: id, index, content: new Blob([content]) });
}

/** A slice that was kept. */
export async function slice(id: string, index: number): Promise<Blob> {
  const kept = await get("slice", [id, index]);
  if (kept === undefined) throw new Error("a stored slice is missing");
  return kept.content;
}

/** The bytes of a slice that was kept. */
export async function bytesOf(id: string, index: number): Promise<Bytes> {
  return new Uint8Array(await (await slice(id, index)).arrayBuffer());
}

/** Marks the sealing complete; only from now on the slices may be sent. */
export function complete(record: UploadRecord): Promise<void> {
  return put("upload", record);
}

/** The complete sealing under `id`, if there is one. */
export function pending(id: string): Promise<UploadRecord | undefined> {
  return get("upload", id);
}

/** Forgets a sealing and its slices. */
export async function discard(id: string): Promise<void> {
  await forget("upload", id);
  await forget("slice", IDBKeyRange.bound([id, 0], [id, Number.MAX_SAFE_INTEGER]));
}

/** The parcel to send. */
export function parcel(record: UploadRecord): Parcel {
  return {
    size: record.size,
    sliceSize: SEGMENT,
    slices: record.slices,
    read: (index) => slice(record.id, index),
  };
}
