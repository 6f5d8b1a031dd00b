// Trustees whose keys come from files, a bidder who seals in the browser, and the opening with the restored keys.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, walk } from "./driver.mjs";

const PASSWORD = "correct horse";
const PASSPHRASE = "sunbid-demo";
const CUSTODY = "/sealed-bid/TEST-0001/trustees";
const HALL = "/opening/TEST-0001/1";

await walk(async (chromium, base) => {
  const folder = mkdtempSync(join(tmpdir(), "sunbid-walk-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const open = async (login) => {
    const window = await chromium.window(login, base);
    await window.signIn(login, PASSWORD);
    return window;
  };
  await ask("at 2026-03-25 09:00:00");
  const agent = await open("agent");
  await agent.makeKey();
  const restored = [];
  for (const login of ["entity", "supervisor"]) {
    const window = await open(login);
    await window.go("/account/key");
    await window.choose("#restore-file", [await ask(`account ${login}`)]);
    await window.type("#restore-password", PASSPHRASE);
    await window.click("[data-key-restore]");
    await window.until(`document.querySelector("[data-key-enrol]")?.dataset.state === "here"`, "the restored signing key");
    await window.go(CUSTODY);
    await window.choose("#trustee-file", [await ask(`box ${login}`)]);
    await window.type("#trustee-restore-passphrase", PASSPHRASE);
    await window.click("form[data-trustee-restore] button");
    await window.until(`document.querySelector("[data-trustee-state]")?.dataset.state === "present"`, "the restored box key");
    restored.push(window);
  }
  const trustees = [agent, ...restored];
  for (const act of ["form[data-trustee-key] button", "form[data-trustee-set] button"]) {
    for (const trustee of trustees) {
      await trustee.go(CUSTODY);
      await trustee.follow(act);
    }
  }
  await agent.go(CUSTODY);
  await agent.follow(`form[action$="/drill"] button`);
  for (const trustee of trustees) {
    await trustee.go(CUSTODY);
    await trustee.follow("form[data-drill] button");
  }
  await agent.go(CUSTODY);
  await agent.see("每位保管人都解开了演练件");

  const bidder = await open("bidder");
  await bidder.makeKey();
  const file = join(folder, "施工组织设计.pdf");
  writeFileSync(file, Buffer.alloc(3_000_000, "阳光交易 sunbid "));
  await bidder.go("/sealed-bid/TEST-0001/1/single");
  await bidder.until(`document.querySelector("[data-seal] [data-review]") !== null`, "the bid form");
  await bidder.type("[data-field=price]", "9876543.21");
  for (const [field, value] of [["period_days", "180"], ["quality", "合格"], ["manager", "王工"]]) await bidder.type(`[data-field=${field}]`, value);
  await bidder.choose("input[type=file][data-files]", [file]);
  await bidder.click("[data-review]");
  await bidder.until(`!document.querySelector("[data-step=review]").hidden`, "the review");
  await bidder.click("[data-confirm]");
  await bidder.until(`document.querySelector("[data-arrived]") !== null`, "the receipt", 120);
  await ask("others");

  await ask("at 2026-03-25 09:30:00");
  await agent.go(HALL);
  await agent.follow(`form[action$="/closing"] button`);
  for (const trustee of restored) {
    await trustee.setClock("2026-03-25 09:30:30");
    await trustee.go(HALL);
    await trustee.checkPapers();
    await trustee.follow("form[data-release] button");
    assert.equal(await trustee.eval(`document.querySelector("form[data-release]") === null`), true, await trustee.state());
  }
  await agent.go(HALL);
  await agent.follow(`form[action$="/open"] button`);
  await agent.see("9,876,543.21");
  for (const window of [...trustees, bidder]) assert.deepEqual(window.complaints(), [], window.name);
});
