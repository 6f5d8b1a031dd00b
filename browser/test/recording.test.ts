/** The recording modules, as far as they can run without a camera. */
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { covers, parsePlaylist, pieceAt } from "../src/recording/playlist";
import { better, estimate } from "../src/recording/server_clock";
import { forget, keep, latestEpoch, oldest, waiting } from "../src/recording/shelf";
import { type Sending, Uploader } from "../src/recording/uploader";

const PLAYLIST = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:3
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="1/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:00:00.000Z
#EXTINF:2.000000,
1/1.m4s
#EXTINF:2.500000,
1/2.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="2/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:01:00.000Z
#EXTINF:2.000000,
2/1.m4s
#EXT-X-ENDLIST
`;

test("a playlist places every segment on the time of day, gaps included", () => {
  const list = parsePlaylist(PLAYLIST, "https://example.org/recording/s/t/playlist.m3u8");
  const zero = Date.parse("2026-11-22T02:00:00Z");
  assert.deepEqual(list.pieces.map((p) => p.at - zero), [0, 2000, 60_000]);
  assert.equal(list.pieces[2]?.init, "https://example.org/recording/s/t/2/init.mp4");
  assert.equal(list.ended, true);
  assert.equal(pieceAt(list.pieces, zero + 2100)?.url, "https://example.org/recording/s/t/1/2.m4s");
  const inGap = pieceAt(list.pieces, zero + 30_000);
  assert.equal(inGap?.at, zero + 60_000);
  assert.equal(covers(inGap, zero + 30_000), false);
  assert.equal(pieceAt(list.pieces, zero + 90_000), undefined);
});

test("a clock probe is exact when both ways take equally long, and the shortest round trip is believed", () => {
  // the server is 5000 ms ahead, 20 ms each way, 3 ms inside
  const good = estimate(1000, 6020, 6023, 1043);
  assert.deepEqual(good, { offset: 5000, roundTrip: 40 });
  const bad = estimate(2000, 7300, 7301, 2321);
  assert.equal(better(good, bad), good);
  assert.equal(better(undefined, bad), bad);
});

const part = (track: string, epoch: number, seq: number) => ({
  track, epoch, seq, bytes: new Uint8Array([epoch, seq]).buffer, digest: "AAAA", began: seq === 0 ? "17" : null,
});

test("the shelf gives parts back oldest first and forgets one at a time", async () => {
  for (const [epoch, seq] of [[2, 0], [1, 10], [1, 9]] as const) await keep(part("shelf", epoch, seq));
  await keep(part("shelf-2", 7, 0));
  assert.equal(await latestEpoch("shelf"), 2);
  const seen: string[] = [];
  for (let next = await oldest("shelf"); next !== undefined; next = await oldest("shelf")) {
    seen.push(`${next.epoch}/${next.seq}`);
    await forget(next);
  }
  assert.deepEqual(seen, ["1/9", "1/10", "2/0"]);
  assert.equal(await waiting("shelf-2"), 1);
});

test("the uploader repeats what failed, keeps the order, and forgets only what was confirmed", async () => {
  const got: string[] = [];
  let trouble = 2;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      if (trouble-- > 0) {
        response.writeHead(503).end();
        return;
      }
      got.push(`${request.method} ${request.url} ${request.headers["content-digest"]} ${request.headers["recording-began-at"] ?? "-"}`);
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/recording/ingest/s`;
  for (const seq of [0, 1, 2]) await keep(part("up", 1, seq));
  const states: Sending[] = [];
  await new Promise<void>((resolve) => {
    const uploader = new Uploader(base, "up", (state) => {
      states.push(state);
      if (state.kind === "idle") resolve();
    });
    uploader.kick();
  });
  server.close();
  assert.deepEqual(got, [
    "PUT /recording/ingest/s/up/1/0 sha-256=:AAAA: 17",
    "PUT /recording/ingest/s/up/1/1 sha-256=:AAAA: -",
    "PUT /recording/ingest/s/up/1/2 sha-256=:AAAA: -",
  ]);
  assert.equal(states[0]?.kind, "offline");
  assert.equal(await waiting("up"), 0);
});
