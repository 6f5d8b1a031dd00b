/**
 * What the browser keeps between pages (IndexedDB): keys that can not be exported, draw contributions and the
 * ciphertext of uploads under way. Nothing here is ever sent as it is.
 */

/** A signing key with its certificate; one per account that signs in from this browser. */
export interface SigningKey {
  readonly account: string;
  readonly privateKey: CryptoKey;
  /** DER, own certificate first. */
  readonly certificates: readonly Uint8Array[];
}

/** A trustee's key pair for one tender. */
export interface TrusteeKey {
  readonly id: string;
  readonly pair: CryptoKeyPair;
  /** The 65-byte point. */
  readonly publicKey: Uint8Array;
  /** What is believed of the log, as a policy text: pinned when the key was made or at the drill. */
  readonly log?: string;
  /** Root certificates (DER) of the authorities that must have certified who signed the notices, if the trustee chose any. */
  readonly roots?: readonly Uint8Array[];
}

/** A party's secret contribution to a draw, kept from commitment to reveal. */
export interface DrawSecret {
  readonly id: string;
  readonly secret: Uint8Array;
}

/** The file of a bidder's own key, where bids are locked twice, as it was downloaded too. */
export interface BidderKeyRecord {
  /** Name of the bid's manifest, b64u. */
  readonly m: string;
  readonly file: string;
}

/** A sealed file on its way to the server. */
export interface UploadRecord {
  readonly id: string;
  /** The manifest, its signature and whatever the page wants back after a reload, as JSON. */
  readonly about: string;
  readonly size: number;
  readonly slices: number;
  /** Where the server keeps the upload, once it said so. */
  readonly location: string | null;
}

/** One slice of a sealed file. */
export interface SliceRecord {
  readonly upload: string;
  readonly index: number;
  readonly content: Blob;
}

interface Stores {
  signing: SigningKey;
  trustee: TrusteeKey;
  draw: DrawSecret;
  bidder: BidderKeyRecord;
  upload: UploadRecord;
  slice: SliceRecord;
}

type StoreName = keyof Stores;

const NAME = "sunbid";
const VERSION = 2;
const KEY_PATHS: Record<StoreName, string | string[]> = {
  signing: "account",
  trustee: "id",
  draw: "id",
  bidder: "m",
  upload: "id",
  slice: ["upload", "index"],
};

let opening: Promise<IDBDatabase> | undefined;

/** Puts a record in place of one with the same key; done only when it is on disk. */
export async function put<S extends StoreName>(store: S, record: Stores[S]): Promise<void> {
  const database = await open();
  const transaction = database.transaction(store, "readwrite", { durability: "strict" });
  transaction.objectStore(store).put(record);
  await done(transaction);
}

/** The record with this key. */
export async function get<S extends StoreName>(store: S, key: IDBValidKey): Promise<Stores[S] | undefined> {
  const database = await open();
  return answer<Stores[S] | undefined>(database.transaction(store).objectStore(store).get(key));
}

/** All records of a store. */
export async function all<S extends StoreName>(store: S): Promise<Stores[S][]> {
  const database = await open();
  return answer<Stores[S][]>(database.transaction(store).objectStore(store).getAll());
}

/** Forgets the records with this key or in this range. */
export async function forget(store: StoreName, key: IDBValidKey | IDBKeyRange): Promise<void> {
  const database = await open();
  const transaction = database.transaction(store, "readwrite", { durability: "strict" });
  transaction.objectStore(store).delete(key);
  await done(transaction);
}

/** Asks the browser not to throw the keys away when the disk gets full. */
export async function keepStorage(): Promise<boolean> {
  return (await globalThis.navigator?.storage?.persist?.()) ?? false;
}

function open(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const [store, keyPath] of Object.entries(KEY_PATHS)) {
        if (!request.result.objectStoreNames.contains(store)) request.result.createObjectStore(store, { keyPath });
      }
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
