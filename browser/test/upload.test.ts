import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { randomBytes } from "node:crypto";
import "fake-indexeddb/auto";
import * as buffer from "../src/upload/buffer";
import { type Options, type Parcel, type Progress, Upload, UploadRefused } from "../src/upload/tus";

/** A small tus server that can misbehave on demand. */
const kept = new Map<string, { size: number; bytes: Buffer }>();
let mishap: ((request: IncomingMessage, body: Buffer) => "drop" | "half" | number | undefined) | undefined;
let created = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => answer(request, response, Buffer.concat(chunks)));
});

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const bad = mishap?.(request, body);
  if (bad === "drop") return void request.socket.destroy();
  if (typeof bad === "number") return void response.writeHead(bad, { "content-type": "text/plain; charset=utf-8" }).end("没有");
  if (request.headers["tus-resumable"] !== "1.0.0") return void response.writeHead(412).end();
  if (request.method === "POST") {
    const location = `/upload/${++created}`;
    kept.set(location, { size: Number(request.headers["upload-length"]), bytes: Buffer.alloc(0) });
    return void response.writeHead(201, { location }).end();
  }
  const upload = kept.get(request.url ?? "");
  if (upload === undefined) return void response.writeHead(404).end();
  if (request.method === "PATCH") {
    if (Number(request.headers["upload-offset"]) !== upload.bytes.length) return void response.writeHead(409).end();
    const taken = bad === "half" ? body.subarray(0, body.length >> 1) : body;
    upload.bytes = Buffer.concat([upload.bytes, taken]);
    if (bad === "half") return void request.socket.destroy();
  }
  response.writeHead(204, { "upload-offset": String(upload.bytes.length), "upload-length": String(upload.size) }).end();
}

let url = "";
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/upload`;
});
after(() => server.close());

const SLICE = 1000;
const content = randomBytes(10 * SLICE + 123);
const parcel: Parcel = { size: content.length, sliceSize: SLICE, slices: 11, read: async (index) => new Blob([content.subarray(index * SLICE, (index + 1) * SLICE)]) };
const options = (more: Partial<Options> = {}): Options => ({ url, location: null, onLocation: async () => {}, onProgress: () => {}, waits: [1, 1, 1], ...more });
const arrived = (location: string) => kept.get(new URL(location).pathname)!.bytes;

test("an undisturbed upload arrives whole and tells how far it is", async () => {
  mishap = undefined;
  const seen: Progress[] = [];
  const location = await new Upload(parcel, options({ onProgress: (progress) => seen.push(progress) })).run();
  assert.ok(arrived(location).equals(content));
  assert.equal(seen.at(-1)!.sent, content.length);
  assert.ok(seen.every((progress, i) => i === 0 || progress.sent >= seen[i - 1]!.sent));
});

test("dropped lines, busy answers and half-taken parts are gone over again without a lost or doubled byte", async () => {
  let count = 0;
  mishap = () => (["drop", undefined, 503, undefined, "half", undefined, undefined, 423, undefined, undefined] as const)[count++ % 10];
  const location = await new Upload(parcel, options({ waits: Array<number>(20).fill(1) })).run();
  mishap = undefined;
  assert.ok(arrived(location).equals(content));
});

test("after a reload the upload goes on where the server stands and creates nothing new", async () => {
  let patches = 0;
  mishap = (request) => (request.method === "PATCH" && ++patches > 1 ? "drop" : undefined);
  let location = "";
  await assert.rejects(new Upload(parcel, options({ onLocation: async (at) => { location = at; } })).run());
  assert.equal(arrived(location).length, 4 * SLICE);
  mishap = undefined;
  const before = created;
  const sent: number[] = [];
  assert.equal(await new Upload(parcel, options({ location, onProgress: (progress) => sent.push(progress.sent) })).run(), location);
  assert.equal(created, before);
  assert.equal(sent[0], 4 * SLICE);
  assert.ok(arrived(location).equals(content));
});

test("an upload that the server threw away is begun anew", async () => {
  mishap = undefined;
  const location = await new Upload(parcel, options({ location: `${url}/never` })).run();
  assert.ok(arrived(location).equals(content));
});

test("a refusal is final and carries the server's words", async () => {
  mishap = (request) => (request.method === "PATCH" ? 415 : undefined);
  await assert.rejects(new Upload(parcel, options()).run(), (error) => error instanceof UploadRefused && error.status === 415 && error.message === "没有");
  mishap = undefined;
});

test("a beginning that is refused for want of room is final", async () => {
  for (const status of [429, 507]) {
    mishap = (request) => (request.method === "POST" ? status : undefined);
    await assert.rejects(new Upload(parcel, options()).run(), (error) => error instanceof UploadRefused && error.status === status && error.message === "没有");
  }
  mishap = undefined;
});

test("a full disk in the middle is waited for, and why is told until it goes on", async () => {
  let patches = 0;
  mishap = (request) => (request.method !== "PATCH" ? undefined : ++patches === 2 ? 507 : patches === 3 ? "drop" : undefined);
  const told: (string | null)[] = [];
  const location = await new Upload(parcel, options({ onTrouble: (sentence) => told.push(sentence) })).run();
  mishap = undefined;
  assert.deepEqual(told, ["没有", "", null]);
  assert.ok(arrived(location).equals(content));
});

test("who must wait for another connection or for memory is told why, and it goes on by itself", async () => {
  for (const status of [408, 423, 503]) {
    let patches = 0;
    mishap = (request) => (request.method === "PATCH" && ++patches === 2 ? status : undefined);
    const told: (string | null)[] = [];
    const location = await new Upload(parcel, options({ onTrouble: (sentence) => told.push(sentence) })).run();
    mishap = undefined;
    assert.deepEqual(told, ["没有", null]);
    assert.ok(arrived(location).equals(content));
  }
});

test("a paused upload sends nothing until it is resumed", async () => {
  let upload: Upload;
  let patches = 0;
  mishap = (request) => {
    if (request.method === "PATCH" && ++patches === 1) {
      upload.pause();
      setTimeout(() => upload.resume(), 60);
    }
    return undefined;
  };
  upload = new Upload(parcel, options());
  const started = performance.now();
  const location = await upload.run();
  mishap = undefined;
  assert.ok(performance.now() - started >= 55);
  assert.ok(arrived(location).equals(content));
});

test("an upload that is paused between two requests sends nothing either", async () => {
  mishap = undefined;
  let upload: Upload;
  let patches = 0;
  let paused = false;
  mishap = (request) => { if (request.method === "PATCH") patches++; return undefined; };
  const slow: Parcel = {
    ...parcel,
    read: async (index) => {
      if (index === 5 && !paused) {
        paused = true;
        upload.pause();
        setTimeout(() => { assert.equal(patches, 1); upload.resume(); }, 60);
      }
      return parcel.read(index);
    },
  };
  upload = new Upload(slow, options());
  const started = performance.now();
  const location = await upload.run();
  mishap = undefined;
  assert.ok(performance.now() - started >= 55);
  assert.ok(arrived(location).equals(content));
});

test("sealed slices wait in the browser's database and are forgotten together", async () => {
  await buffer.begin("lot-1");
  for (let i = 0; i < 3; i++) await buffer.keep("lot-1", i, Uint8Array.of(i));
  await buffer.keep("lot-2", 0, Uint8Array.of(9));
  assert.equal(await buffer.pending("lot-1"), undefined, "not complete before it is said to be");
  await buffer.complete({ id: "lot-1", about: "{}", size: 3, slices: 3, location: null });
  const record = (await buffer.pending("lot-1"))!;
  assert.deepEqual(await buffer.bytesOf("lot-1", 2), Uint8Array.of(2));
  await buffer.discard("lot-1");
  assert.equal(await buffer.pending("lot-1"), undefined);
  await assert.rejects(buffer.parcel(record).read(0), /missing/);
  const other = await buffer.parcel({ ...record, id: "lot-2" }).read(0);
  assert.deepEqual(new Uint8Array(await other.arrayBuffer()), Uint8Array.of(9));
});
