// Two gigabytes in a thousand files, from the form to the receipt, in a real browser: through a cut cable, a pause, a reload in the
// middle, a server that is killed, and a full disk. What the browser needs of memory is measured all along.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ask, walk } from "./driver.mjs";

const MIB = 1024 * 1024;
/** Most private memory that the tab may need, and all of Chromium beyond what it needed before, in bytes. */
const MEMORY_MAX = 300_000_000;

/** Private memory of a process (what it shares with no file), in bytes; 0 once it is gone. */
function privateMemory(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const part = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
    return (part("RssAnon") + part("RssShmem")) * 1024;
  } catch {
    return 0;
  }
}

await walk(async (chromium, base) => {
  const files = await ask("files");
  const list = readdirSync(files).sort().map((name) => join(files, name));
  // a window of somebody's own would keep everything in memory, as private windows do
  const bidder = await chromium.open(undefined, "bidder", base);
  await bidder.signIn("bidder", "correct horse");
  await bidder.makeKey();

  const memory = async () => {
    const { processInfo } = await chromium.send("SystemInfo.getProcessInfo");
    const sizes = processInfo.map(({ type, id }) => ({ type, bytes: privateMemory(id) }));
    return { tab: Math.max(...sizes.filter(({ type }) => type === "renderer").map(({ bytes }) => bytes)), all: sizes.reduce((sum, { bytes }) => sum + bytes, 0) };
  };
  const before = await memory();
  const peak = { tab: 0, all: 0, heap: 0 };
  let watched = true;
  const watching = (async () => {
    while (watched) {
      const now = await memory();
      const heap = await bidder.eval("performance.memory.usedJSHeapSize").catch(() => 0);
      for (const [name, bytes] of [["tab", now.tab], ["all", now.all], ["heap", heap]]) peak[name] = Math.max(peak[name], bytes);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();

  const began = Date.now();
  const told = (what) => process.stderr.write(`large bid: ${what} after ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
  await bidder.go("/sealed-bid/TEST-0001/1/single");
  await bidder.until(`!document.querySelector("[data-seal] [data-step=edit]").hidden`, "the bid form");
  await bidder.lookAway();
  for (const [field, value] of [["price", "9500000.00"], ["period_days", "180"], ["quality", "合格"], ["manager", "王工"]]) await bidder.type(`[data-field=${field}]`, value);
  await bidder.choose("input[type=file][data-files]", list);
  await bidder.click("[data-review]");
  await bidder.until(`!document.querySelector("[data-step=review]").hidden`, "the review");
  assert.equal(await bidder.eval(`document.querySelectorAll("[data-review-list] dd").length`), list.length + 4);
  await bidder.click("[data-confirm]");
  const stage = `document.querySelector("[data-stage]").textContent`;
  await bidder.until(`${stage}.includes("试解密")`, "the sealed bid", 600);
  told("sealed");
  await bidder.until(`${stage}.includes("上传")`, "the upload", 600);
  told("opened again");

  const percent = () => bidder.eval(`Number.parseInt(document.querySelector("[data-percent]").textContent, 10) || 0`);
  const reached = (part) => bidder.until(async () => (await percent()) >= part, `${part} % of it`, 600);
  const shown = `document.querySelector("[data-trouble]").offsetParent !== null`;
  await reached(8);
  await ask("cut");
  await reached(14);

  await bidder.until(`document.querySelector("[data-left]").textContent !== ""`, "the time left");
  assert.match(await bidder.text(), /\d+ %[^]*GiB[^]*\/s[^]*还需 \d+:\d\d/);
  await bidder.picture("bidder-upload");
  // a pause holds the bytes back, and says so to everybody
  await bidder.click("[data-pause]");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const held = await bidder.eval(`document.querySelector("[data-sent]").textContent`);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(await bidder.eval(`document.querySelector("[data-sent]").textContent`), held);
  assert.equal(await bidder.eval(`document.querySelector("[data-pause]").getAttribute("aria-pressed")`), "true");
  await bidder.see("已暂停");
  await bidder.picture("bidder-upload-paused", { phone: false });
  const outline = await bidder.outline();
  const bar = outline.find(({ role }) => role === "progressbar" || role === "progressIndicator" || role === "ProgressIndicator");
  assert.match(bar?.name ?? "", /暂停/, JSON.stringify(outline.map(({ role }) => role)));
  assert.ok(outline.some(({ role }) => role === "status"));
  await bidder.click("[data-pause]");
  await reached(22);

  // the page is loaded anew in the middle: nothing is sealed again, and nothing that has arrived is sent again
  const sentBefore = await percent();
  await bidder.go("/sealed-bid/TEST-0001/1/single");
  await bidder.until(`document.querySelector("[data-step=pending]")?.hidden === false`, "the bid that waits here");
  await bidder.picture("bidder-upload-pending");
  await bidder.click("[data-continue]");
  await bidder.until(async () => (await percent()) > 0, "the upload that goes on");
  assert.ok((await percent()) >= sentBefore - 1, `it went on at ${await percent()} % after ${sentBefore} %`);
  told("reloaded");

  await reached(35);
  await ask("kill");
  await bidder.until(shown, "that the server is away");
  await bidder.picture("bidder-upload-waiting");
  await ask("start");
  await reached(50);
  await bidder.until(`!(${shown})`, "that it goes on");
  told("killed and started");

  await ask("full");
  await bidder.until(`${shown} && document.querySelector("[data-trouble]").textContent.includes("磁盘已满")`, "that the disk is full", 120);
  await bidder.picture("bidder-upload-full", { english: false });
  await ask("room");
  await bidder.until(`!(${shown})`, "that there is room", 120);
  await bidder.until(`document.querySelector("[data-arrived]") !== null`, "the receipt", 900);
  told("receipt");
  watched = false;
  await watching;
  process.stderr.write(`large bid: tab ${(peak.tab / MIB).toFixed(0)} MiB, heap ${(peak.heap / MIB).toFixed(0)} MiB, all of Chromium ${(before.all / MIB).toFixed(0)} and then ${(peak.all / MIB).toFixed(0)} MiB\n`);
  assert.ok(peak.tab < MEMORY_MAX, `the tab took ${peak.tab} bytes`);
  assert.ok(peak.all - before.all < MEMORY_MAX, `Chromium took ${peak.all - before.all} bytes more`);
  // the browser forgets what has arrived
  await bidder.until(`new Promise((resolve) => { const open = indexedDB.open("sunbid"); open.onsuccess = () => {
    const count = open.result.transaction("slice").objectStore("slice").count(); count.onsuccess = () => { open.result.close(); resolve(count.result === 0); }; }; })`, "the slices to be gone");
  assert.deepEqual(bidder.complaints(), []);
});
