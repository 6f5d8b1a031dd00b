/**
 * Recorded parts that the server has not confirmed yet, on the browser's disk. A part goes here before it is sent
 * and leaves only when the server said that it has it: a closed lid, a lost network or a crashed tab loses at most
 * what the recorder itself still held.
 */

/** One numbered part of one start of one recorder. */
export interface Part {
  readonly track: string;
  readonly epoch: number;
  readonly seq: number;
  readonly bytes: ArrayBuffer;
  /** SHA-256 of the bytes, base64. */
  readonly digest: string;
  /** Server time of media time 0 of this epoch, UTC microseconds; only with part 0. */
  readonly began: string | null;
}

const NAME = "sunbid-recording";
const STORE = "part";

/** More than this waiting is worth an alarm, in bytes: about an hour of two tracks. */
export const WAITING_ALARM_BYTES = 400 * 1024 * 1024;

let opening: Promise<IDBDatabase> | undefined;

/** Keeps a part; done only when it is on disk. */
export async function keep(part: Part): Promise<void> {
  const transaction = (await open()).transaction(STORE, "readwrite", { durability: "strict" });
  transaction.objectStore(STORE).put(part);
  await done(transaction);
}

/** The oldest part of a track: lowest epoch, then lowest number. */
export async function oldest(track: string): Promise<Part | undefined> {
  const range = IDBKeyRange.bound([track], [track, []]);
  const request = (await open()).transaction(STORE).objectStore(STORE).openCursor(range);
  const cursor = await answer<IDBCursorWithValue | null>(request);
  return cursor === null ? undefined : (cursor.value as Part);
}

/** The highest epoch of a track that still waits here, or 0. */
export async function latestEpoch(track: string): Promise<number> {
  const range = IDBKeyRange.bound([track], [track, []]);
  const request = (await open()).transaction(STORE).objectStore(STORE).openKeyCursor(range, "prev");
  const cursor = await answer<IDBCursor | null>(request);
  return cursor === null ? 0 : Number((cursor.key as [string, number, number])[1]);
}

/** Forgets a part that the server has. */
export async function forget(part: Pick<Part, "track" | "epoch" | "seq">): Promise<void> {
  const transaction = (await open()).transaction(STORE, "readwrite", { durability: "strict" });
  transaction.objectStore(STORE).delete([part.track, part.epoch, part.seq]);
  await done(transaction);
}

/** How many parts of a track wait. */
export async function waiting(track: string): Promise<number> {
  const range = IDBKeyRange.bound([track], [track, []]);
  return answer((await open()).transaction(STORE).objectStore(STORE).count(range));
}

function open(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: ["track", "epoch", "seq"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser does not let this site keep data"));
  });
  return opening;
}

function answer<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new Error("reading failed"));
  });
}

function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error("writing failed"));
  });
}
