// A lot whose bids are locked twice: a bidder seals in the browser and gives the key in the hall, from what the browser kept; another bidder's
// second holder comes with a key file; a third bidder does not come.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, walk } from "./driver.mjs";

const PASSWORD = "correct horse";
const HALL = "/opening/TEST-0001/1";
const KEY_FORM = "form[data-bidder-key]";

await walk(async (chromium, base) => {
  const folder = mkdtempSync(join(tmpdir(), "sunbid-walk-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const open = async (login) => {
    const window = await chromium.window(login, base);
    await window.signIn(login, PASSWORD);
    return window;
  };
  await ask("at 2026-03-25 09:00:00");
  const bidder = await open("bidder");
  await bidder.makeKey();
  const file = join(folder, "投标函.pdf");
  writeFileSync(file, Buffer.alloc(3_000_000, "阳光交易 sunbid "));
  await bidder.go("/sealed-bid/TEST-0001/1/single");
  await bidder.until(`document.querySelector("[data-seal] [data-review]") !== null`, "the bid form");
  await bidder.eval(`document.querySelectorAll("form details").forEach((details) => { details.open = true; })`);
  await bidder.picture("dual-prepare", { english: true });
  await bidder.type("[data-field=price]", "9876543.21");
  for (const [field, value] of [["period_days", "180"], ["quality", "合格"], ["manager", "王工"]]) await bidder.type(`[data-field=${field}]`, value);
  await bidder.choose("input[type=file][data-files]", [file]);
  await bidder.click("[data-review]");
  await bidder.see("口令至少要有 8 个字符。");
  await bidder.type("[data-key-passphrase]", "many hands");
  await bidder.type("[data-key-passphrase-again]", "other hands");
  await bidder.click("[data-review]");
  await bidder.see("两次输入的口令不一致。");
  await bidder.type("[data-key-passphrase-again]", "many hands");
  await bidder.type("[data-second-passphrase]", "the notary's");
  await bidder.click("[data-second-make]");
  await bidder.until(`document.querySelector("[data-second]").value.length === 87`, "a key for a second holder");
  await bidder.click("[data-review]");
  await bidder.until(`!document.querySelector("[data-step=review]").hidden`, "the review");
  await bidder.click("[data-confirm]");
  await bidder.until(`document.querySelector("[data-arrived]") !== null`, "the receipt", 300);
  const holder = await ask("others");

  await ask("at 2026-03-25 09:30:00");
  await ask("close");
  await bidder.go(HALL);
  await bidder.see("轮到您了");
  await bidder.picture("dual-hall-turn", { english: true });
  await bidder.type(`${KEY_FORM} [data-passphrase]`, "few hands!");
  await bidder.click(`${KEY_FORM} button`);
  await bidder.see("口令不对，密钥文件打不开。");
  await bidder.type(`${KEY_FORM} [data-passphrase]`, "many hands");
  await bidder.follow(`${KEY_FORM} button`);
  await bidder.see("已解密");
  // a notary whom another bidder named comes with a key file of their own
  const notary = await open("centre");
  await notary.go(HALL);
  await notary.eval(`document.querySelectorAll("details").forEach((details) => { details.open = true; })`);
  await notary.choose(`${KEY_FORM} [data-file]`, [holder]);
  await notary.type(`${KEY_FORM} [data-passphrase]`, "the notary's");
  await notary.follow(`${KEY_FORM} button`);
  await notary.see("（由第二持有人解密）");
  const trustee = await open("agent");
  await trustee.go(HALL);
  assert.equal(await trustee.eval(`document.querySelector("form[data-release]") === null`), true, "no trustee before the bidders");
  await trustee.picture("dual-hall-waiting");
  await ask("at 2026-03-25 10:00:00");
  await trustee.go(HALL);
  await trustee.see("未解密");
  await trustee.eval(`document.querySelectorAll("details").forEach((details) => { details.open = true; })`);
  await trustee.picture("dual-hall-absent");
  await ask("open");
  await bidder.go(HALL);
  await bidder.see("9,876,543.21");
  await bidder.see("投标人没有提交自己的密钥。");
  await bidder.picture("dual-hall-opened");
  for (const window of [bidder, notary, trustee]) assert.deepEqual(window.complaints(), [], window.name);
});
