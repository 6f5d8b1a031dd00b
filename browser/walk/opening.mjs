// A tender from the trustees' keys to the published read-out, every step in a real browser.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, walk } from "./driver.mjs";

const PASSWORD = "correct horse";
const HALL = "/opening/TEST-0001/1";

/** A trustee who has no key yet chooses a policy: it outlives the page, and is what the key would be pinned with. */
async function chosenAhead(trustee, page, folder, policy) {
  const witnesses = `document.querySelector('[data-trust] [data-fact="known-witnesses"]').innerText`;
  await trustee.go(page);
  await trustee.until(`${witnesses}.startsWith("没有见证方")`, "what the platform says");
  const platform = await trustee.eval(`fetch("/log/key").then((answer) => answer.text())`);
  for (const [text, name, shown] of [[policy.replaceAll("; ", "\n"), "ahead.policy", "notary"], [`log ${platform}quorum none\n`, "back.policy", "没有见证方"]]) {
    const file = join(folder, name);
    writeFileSync(file, text);
    await trustee.eval(`document.querySelector("[data-trust] details").open = true`);
    await trustee.choose("#trust-file", [file]);
    await trustee.click("[data-trust-file] button");
    await trustee.until(`document.querySelector("[data-trust-change]").offsetParent !== null`, "what changes");
    await trustee.click("[data-trust-confirm] button");
    await trustee.until(`${witnesses}.startsWith("${shown}")`, "the choice");
    await trustee.go(page);
    await trustee.until(`${witnesses}.startsWith("${shown}")`, "the choice after a reload");
  }
}

/** A trustee who got a policy with a witness chooses it, sees what changes, and pins it; then goes back the same way. */
async function pinnedAgain(trustee, page, folder, policy) {
  const at = (name) => `[data-trust] [data-fact="${name}"]`;
  const told = (name) => trustee.eval(`document.querySelector('${at(name)}').innerText`);
  const look = async (text, name) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    await trustee.eval(`document.querySelector("[data-trust] details").open = true`);
    await trustee.choose("#trust-file", [file]);
    await trustee.click("[data-trust-file] button");
  };
  await trustee.go(page);
  const before = await trustee.pinned("TEST-0001", null);
  await trustee.pinned("TEST-0001", before);
  await look("witness one nothing", "bad.policy");
  await trustee.see("这个文件不是能用的名单");
  await look(policy.replaceAll("; ", "\n"), "new.policy");
  await trustee.until(`document.querySelector("[data-trust-change]").offsetParent !== null`, "what changes");
  assert.match(await told("old-witnesses"), /没有见证方/);
  assert.match(await told("new-witnesses"), /^notary: witness\.example/);
  assert.match(await told("new-quorum"), /（notary、court）中至少 1 位/);
  const marked = `[...document.querySelectorAll("[data-differs]")].filter((mark) => mark.offsetParent !== null).map((mark) => mark.dataset.differs).join()`;
  assert.equal(await trustee.eval(marked), "witnesses,quorum");
  assert.doesNotMatch(await trustee.text(), /没有新旧两把密钥共同签署的更换记录/);
  await trustee.picture("trustee-pin", { english: false });
  // nothing is pinned by looking
  assert.equal(await trustee.eval(`document.querySelector("[data-trust-state]").className`), "done");
  assert.match(await told("known-witnesses"), /没有见证方/);
  await trustee.click("[data-trust-confirm] button");
  await trustee.until(`document.querySelector('${at("known-witnesses")}').innerText.startsWith("notary")`, "the new pin");
  await trustee.go(page);
  await trustee.until(`document.querySelector('${at("known-quorum")}').innerText.includes("（notary、court）中至少 1 位")`, "the pin after a reload");
  // the new witnesses have signed nothing: the trustee finds it now, not at the opening
  await trustee.click("form[data-log-try] button");
  await trustee.see("见证方联署不够");
  // a key that nothing leads to is told so
  await look(before.replace(/^log \S+/, await ask("stranger")), "stranger.policy");
  await trustee.see("没有新旧两把密钥共同签署的更换记录");
  await look(before, "old.policy");
  await trustee.until(`document.querySelector("[data-warn=not-led]").hidden`, "the log's own key");
  await trustee.see("新名单不要求任何见证方联署");
  await trustee.click("[data-trust-confirm] button");
  await trustee.until(`document.querySelector('${at("known-witnesses")}').innerText.startsWith("没有见证方")`, "the old pin again");
  assert.equal((await trustee.pinned("TEST-0001", before)).trim(), before.trim());
  await trustee.click("form[data-log-try] button");
  await trustee.see("日志核对一致");
}

/** A trustee chooses the authorities that must have certified the signers of notices. */
async function rootsChosen(trustee, page, file) {
  await trustee.go(page);
  await trustee.see("没有选定证书机构");
  await trustee.choose("#roots-file", [file]);
  await trustee.click("[data-roots-file] button");
  await trustee.until(`document.querySelector("[data-roots-new] code")?.textContent.length === 71`, "the fingerprint of a root");
  await trustee.click("[data-roots-confirm] button");
  await trustee.until(`document.querySelectorAll("[data-roots-known] li").length === 1`, "the chosen authority");
}

await walk(async (chromium, base) => {
  const folder = mkdtempSync(join(tmpdir(), "sunbid-walk-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const open = async (login) => {
    const window = await chromium.window(login, base);
    await window.signIn(login, PASSWORD);
    await window.makeKey();
    return window;
  };
  // half an hour before the deadline; sessions last longer than that
  await ask("at 2026-03-25 09:00:00");
  const trustees = [];
  for (const login of ["agent", "entity", "supervisor"]) trustees.push(await open(login));
  const policy = await ask("policy");
  await chosenAhead(trustees[1], "/sealed-bid/TEST-0001/trustees", folder, policy);
  for (const trustee of trustees) {
    await trustee.go("/sealed-bid/TEST-0001/trustees");
    if (trustee === trustees[0]) await trustee.picture("trustee-key", { english: true });
    await trustee.follow("form[data-trustee-key] button");
  }
  for (const trustee of trustees) {
    await trustee.go("/sealed-bid/TEST-0001/trustees");
    if (trustee === trustees[0]) await trustee.picture("trustee-set");
    await trustee.follow("form[data-trustee-set] button");
  }
  const CUSTODY = "/sealed-bid/TEST-0001/trustees";
  await trustees[0].go(CUSTODY);
  await trustees[0].see("签署完毕");
  // before bids come, every trustee opens a canary with the key that will open the bids
  await trustees[0].see("本浏览器已记住下面的日志密钥和见证方");
  await trustees[0].see("没有见证方");
  await trustees[0].see("还没有演练");
  await trustees[0].follow(`form[action$="/drill"] button`);
  // what would stop a trustee at the opening stops them here: a browser without Ed25519, a slow clock, another log's key
  const [first] = trustees;
  await first.go(CUSTODY);
  await first.eval(`SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException("no Ed25519", "NotSupportedError"))`);
  await first.click("form[data-drill] button");
  await first.see("这个浏览器不能核验公开日志的签名");
  const old = await first.beside();
  await old.begin(`SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException("no Ed25519", "NotSupportedError"))`);
  await old.go(CUSTODY);
  await old.see("这个浏览器不能核验公开日志的签名");
  await old.close();
  await first.setClock("2026-03-25 08:00:00");
  await first.go(CUSTODY);
  await first.click("form[data-drill] button");
  await first.see("演练还没有开始：时钟慢了");
  await first.setClock("2026-03-25 09:00:30");
  const known = await first.pinned("TEST-0001", null);
  await first.pinned("TEST-0001", known.replace(/^log \S+/, await ask("stranger")));
  await first.go(CUSTODY);
  await first.click("form[data-drill] button");
  await first.see("不是用您记住的日志密钥签的");
  await first.pinned("TEST-0001", known);
  await first.setClock("2026-03-25 09:00:30");
  for (const trustee of trustees) {
    await trustee.go("/sealed-bid/TEST-0001/trustees");
    if (trustee === trustees[1]) await trustee.picture("trustee-drill");
    await trustee.follow("form[data-drill] button");
  }
  await pinnedAgain(trustees[2], CUSTODY, folder, policy);
  const [platform, stranger] = (await ask("roots")).split(" ");
  await rootsChosen(trustees[1], CUSTODY, stranger);
  await rootsChosen(trustees[2], CUSTODY, platform);
  await trustees[2].see("Sunbid demonstration CA");
  await trustees[2].eval(`document.querySelector("[data-roots] details").open = true`);
  await trustees[2].picture("trustee-roots", { english: false });
  await trustees[0].go(CUSTODY);
  await trustees[0].see("演练完成于");
  await trustees[0].picture("trustee-ready");
  await trustees[0].eval(`document.querySelectorAll("details").forEach((details) => { details.open = true; })`);
  await trustees[0].picture("trustee-backup");

  const bidder = await open("bidder1");
  await bidder.go("/account/key");
  await bidder.picture("bidder-key");
  await bidder.go("/tender/TEST-0001");
  await bidder.picture("bidder-tender", { english: true });
  const file = join(folder, "施工组织设计.pdf");
  writeFileSync(file, Buffer.alloc(20 * 1024 * 1024, "阳光交易 sunbid "));
  // on a computer without the key the bidder is told so before anything is filled in
  const elsewhere = await chromium.window("bidder1 elsewhere", base);
  await elsewhere.signIn("bidder1", PASSWORD);
  await elsewhere.go("/sealed-bid/TEST-0001/1");
  await elsewhere.see("这个浏览器里没有密钥");
  await elsewhere.see("恢复或新建密钥");
  await elsewhere.picture("bidder-no-key");
  const toKeys = `[...document.querySelectorAll("main a[href='/account/key']")].filter((link) => link.offsetParent !== null).length`;
  assert.equal(await elsewhere.eval(toKeys), 1);
  assert.equal(await elsewhere.eval(`document.querySelector("[data-key-here]").offsetParent`), null);
  await elsewhere.go("/sealed-bid/TEST-0001/1/single");
  await elsewhere.until(`${toKeys} === 1`, "the warning above the empty form");
  await elsewhere.click("[data-review]");
  await elsewhere.until(`document.querySelector("[data-problem] a[href='/account/key']")?.offsetParent != null`, "the refusal's way to the key page");
  assert.deepEqual(elsewhere.complaints(), []);
  await bidder.go("/sealed-bid/TEST-0001/1");
  await bidder.until(`document.querySelector("[data-key-here]").offsetParent !== null`, "the key that is here");
  assert.doesNotMatch(await bidder.text(), /这个浏览器里没有密钥/);
  await bidder.go("/sealed-bid/TEST-0001/1/single");
  await bidder.until(`document.querySelector("[data-seal] [data-review]") !== null`, "the bid form");
  await bidder.picture("bidder-prepare", { english: true });
  // text never becomes markup or code here, and nobody may make a policy that lets it; in a window of its own, because it complains
  const tried = await bidder.beside();
  await tried.go("/sealed-bid/TEST-0001/1/single");
  const caught = (what) => tried.eval(`(() => { try { ${what}; return "done"; } catch (error) { return error.name; } })()`);
  assert.equal(await caught(`document.body.innerHTML = "<b>x</b>"`), "TypeError");
  assert.equal(await caught(`trustedTypes.createPolicy("any", { createHTML: (text) => text })`), "TypeError");
  assert.equal(await tried.eval(`fetch("http://127.0.0.1:9/").then(() => "asked", () => "forbidden")`), "forbidden");
  assert.ok(tried.complaints().some((line) => line.includes("connect-src")), tried.complaints().join("\n"));
  const script = await tried.eval(`document.querySelector("script[integrity]").integrity`);
  assert.equal(script, await tried.eval(`fetch(document.querySelector("script[integrity]").src).then((answer) => answer.arrayBuffer())
    .then((bytes) => crypto.subtle.digest("SHA-256", bytes)).then((hash) => "sha256-" + btoa(String.fromCharCode(...new Uint8Array(hash))))`));
  await tried.close();
  await bidder.type("[data-field=price]", "9876543.21");
  for (const [field, value] of [["period_days", "180"], ["quality", "合格"], ["manager", "王工"]]) await bidder.type(`[data-field=${field}]`, value);
  await bidder.choose("input[type=file][data-files]", [file]);
  await bidder.click("[data-review]");
  await bidder.until(`!document.querySelector("[data-step=review]").hidden`, "the review");
  assert.match(await bidder.text(), /9876543\.21/);
  assert.match(await bidder.text(), /20\.0 MiB/);
  await bidder.picture("bidder-check");
  await bidder.click("[data-confirm]");
  await bidder.until(`document.querySelector("[data-arrived]") !== null`, "the receipt", 300);
  await bidder.picture("bidder-receipt", { english: false });
  await ask("others");

  await ask("at 2026-03-25 09:30:00");
  const [agent, entity, supervisor] = trustees;
  await agent.go(HALL);
  await agent.picture("agent-hall-due");
  await agent.follow(`form[action$="/closing"] button`);
  await agent.see("已封箱");
  // the others' halls go on by themselves
  await entity.go(HALL);
  await supervisor.go(HALL);
  await entity.until(`document.querySelector("form[data-release]") !== null`, "the release form");
  await bidder.go(HALL);
  await bidder.follow(`form[action$="/arrival"] button`);
  await supervisor.see("王经理");
  // by the computer's own clock the time has not come: nothing is released, whatever the platform's clock says
  await supervisor.setClock("2026-03-25 09:29:00");
  await supervisor.click("form[data-release] button");
  await supervisor.see("按这台电脑自己的时钟，还没有到开标时间");
  for (const trustee of trustees) await trustee.setClock("2026-03-25 09:30:30");
  await supervisor.picture("trustee-release", { english: true });
  // what was pinned at the drill is all that is believed; another log's key, and nothing is released
  const pinned = await entity.pinned("TEST-0001", null);
  assert.match(pinned, /^log log\.test/);
  await entity.pinned("TEST-0001", pinned.replace(/^log \S+/, await ask("stranger")));
  await entity.click("form[data-release] button");
  await entity.see("不是用您记住的日志密钥签的");
  await entity.pinned("TEST-0001", pinned);
  // signed by somebody whom the authorities that this trustee chose did not certify; who demands none is told who vouches
  await entity.click("form[data-release] button");
  await entity.see("签署公告的证书不是您信任的证书机构签发的");
  await entity.go(CUSTODY);
  await entity.eval(`document.querySelector("[data-roots] details").open = true`);
  await entity.click("[data-roots-forget] button");
  await entity.see("没有选定证书机构");
  await entity.go(HALL);
  // a browser that has pinned nothing says so, and shows the key to be compared
  await agent.pinned("TEST-0001", null);
  assert.match(await agent.checkPapers(), /没有记住日志密钥[\s\S]*公告 1：方经理（[0-9A-Z]{18}），这是证书上写的[\s\S]*log\.test/);
  const facts = await supervisor.checkPapers();
  for (const fact of ["TEST-0001", "2026-03-25 09:30:00", "公告 1 份", "投标文件份数", "没有外部见证方", "证书由您选定的证书机构签发"]) assert.ok(facts.includes(fact), `${fact}: ${facts}`);
  assert.doesNotMatch(facts, /没有记住日志密钥/);
  await supervisor.picture("trustee-papers");
  // two of three would do; the third gives a share too, while the box can be opened already
  await entity.checkPapers();
  for (const trustee of [entity, supervisor, agent]) {
    await trustee.follow("form[data-release] button");
    assert.equal(await trustee.eval(`document.querySelector("form[data-release]") === null`), true, await trustee.state());
  }
  await entity.until(`document.body.innerText.split("已释放").length - 1 >= 3`, "the shares of all three");
  await agent.until(`document.querySelector('form[action$="/open"] button:not([disabled])') !== null`, "the button that opens");
  await agent.picture("agent-hall-open");
  await agent.follow(`form[action$="/open"] button`);
  await bidder.see("9,876,543.21");
  await agent.go(HALL);
  await agent.picture("agent-hall-publish");
  await agent.follow(`form[action$="/publication"] button`);
  await bidder.see("下载（JSON）");
  await bidder.until(`document.querySelector('form[action$="/signature"]') !== null`, "the bidder's turn to sign");
  await bidder.picture("bidder-hall-sign");
  await bidder.follow(`form[action$="/signature"] button`);
  const record = await bidder.eval(`fetch("${HALL}/single/record.json").then((answer) => answer.json())`);
  const own = record.read_out.find((line) => line.form.price === "9876543.21");
  assert.ok(own !== undefined && own.not_opened === null && record.bidders === 3);
  const anyone = await chromium.window("anyone", base);
  await anyone.go(HALL);
  await anyone.picture("public-hall", { english: true });
  for (const window of [agent, entity, supervisor, bidder]) assert.deepEqual(window.complaints(), [], window.name);
});
