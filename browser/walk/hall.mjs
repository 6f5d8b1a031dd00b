// The opening hall as a product: many people watch at once, reload whenever they like, listen instead of looking, and
// read on a phone. What is signed and released is done by the test's side; every page here is a real one.
import assert from "node:assert/strict";
import { ask, walk } from "./driver.mjs";

const PASSWORD = "correct horse";
const HALL = "/opening/TEST-0001/1";

/** What everybody must be able to work with their ears: one h1, no level left out, a name for everything to work. */
function wellTold(outline, where) {
  const headings = outline.filter(({ role }) => role === "heading");
  assert.equal(headings.filter(({ level }) => level === 1).length, 1, `${where}: one first heading ${JSON.stringify(headings)}`);
  let before = 0;
  for (const { level, name } of headings) {
    assert.ok(level <= before + 1, `${where}: after level ${before} comes ${level}, ${name}`);
    before = level;
  }
  const worked = ["button", "link", "textbox", "checkbox", "radio", "combobox", "progressbar", "navigation"];
  const nameless = outline.filter(({ role, name }) => worked.includes(role) && name.trim() === "");
  assert.deepEqual(nameless, [], `${where}: everything to work has a name`);
  for (const table of outline.filter(({ role }) => role === "table")) assert.ok(table.columns > 0, `${where}: a table names its columns`);
}

/** That the names come in this order. */
function inOrder(outline, names, where) {
  let from = 0;
  for (const name of names) {
    const at = outline.findIndex((node, index) => index >= from && node.name === name);
    assert.ok(at >= 0, `${where}: “${name}” does not come after the ones before it in ${JSON.stringify(outline.map((node) => node.name))}`);
    from = at + 1;
  }
}

async function listened(window, where, names) {
  for (const phone of [false, true]) {
    await window.size(phone);
    const outline = await window.outline();
    const place = `${where}${phone ? " on a phone" : ""}`;
    wellTold(outline, place);
    inOrder(outline, names, place);
    const wide = await window.eval("document.documentElement.scrollWidth - innerWidth");
    assert.ok(wide <= 0, `${place}: the page scrolls sideways by ${wide}`);
    if (!phone) continue;
    const small = await window.eval(`[...document.querySelectorAll("button, .button, input:not([type=hidden]):not([type=checkbox]), textarea, select, summary, .menu a, td > a")]
      .map((e) => [e.textContent.trim() || e.name, e.getBoundingClientRect().height]).filter(([, height]) => height > 0 && height < 43.5)`);
    assert.deepEqual(small, [], `${place}: too small for a thumb`);
  }
  await window.size(false);
}

/** What the hall tells at this moment, in numbers that only ever grow. */
const TOLD = `({
  closed: document.querySelector("[data-live=stage] dl.summary") === null ? 0 : 1,
  arrived: document.querySelectorAll("[data-live=arrivals] tbody tr").length,
  released: document.querySelector("[data-live=envelopes] progress")?.value ?? 0,
  read: (document.querySelector("[data-live=envelopes]").innerText.match(/\\d,\\d{3},\\d{3}\\.\\d\\d/g) ?? []).length,
  objected: document.querySelectorAll("[data-live=objections] article").length,
  answered: document.querySelectorAll("[data-live=objections] article .done").length,
  published: document.querySelector("a[href$='/single/record']") === null ? 0 : 1,
})`;

/** What an expression gives in a page that may be replaced at any moment. */
async function asked(window, expression) {
  let given;
  await window.until(async () => {
    given = await window.eval(expression);
    return true;
  }, "a page");
  return given;
}

/** Presses the reload button, and gives the moment by the page's clock. */
const reload = (window) => asked(window, "(location.reload(), performance.timeOrigin + performance.now())");

/**
 * Reloads and gives the whole hall of a page that was asked for after that: one before may have been cut off, without its scripts.
 * A reload of a page that is just being replaced may reload nothing: then it is pressed again, with more and more patience.
 */
async function reloaded(window) {
  for (let patience = 500; patience < 120_000; patience *= 2) {
    const moment = await reload(window);
    for (const end = Date.now() + patience; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const seen = await asked(window, `performance.timeOrigin > ${moment} && document.readyState === "complete" ? {
        title: document.querySelector("h1").textContent, words: document.querySelector("#words")?.value ?? null, told: ${TOLD},
      } : null`);
      if (seen !== null) return seen;
    }
  }
  throw new Error(`no page came after a reload\n${await window.state()}`);
}

/**
 * Somebody who does nothing but reload, from before the closing until after the end, now and then before the page is there:
 * every time the whole hall comes, nothing that was told once is untold, and what was typed stays.
 */
function restless(window, words) {
  let over = false;
  let before = null;
  let typed = false;
  let looks = 0;
  const waiting = [];
  const rest = (async () => {
    while (!over) {
      await reload(window);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
      const now = await reloaded(window);
      looks += 1;
      assert.equal(now.title, "开标大厅");
      for (const [what, count] of Object.entries(before ?? {})) assert.ok(now.told[what] >= count, `look ${looks}: ${what} went from ${count} to ${now.told[what]}`);
      before = now.told;
      if (typed) assert.equal(now.words ?? words, words, `what was typed, at look ${looks}`);
      else if (now.words !== null) {
        await window.type("#words", words);
        typed = true;
      }
      while (waiting.length > 0 && waiting[0].from + 2 <= looks) waiting.shift().go();
    }
    return { typed, told: before };
  })();
  // what went wrong is told to whoever waits next
  rest.catch(() => {});
  return {
    /** Waits for two looks from now on: the second is at a page that was asked for after whatever happened before. */
    again: () => Promise.race([rest, new Promise((go) => waiting.push({ from: looks, go }))]),
    calm: () => {
      over = true;
      return rest;
    },
  };
}

const said = (window) => window.eval(`document.querySelector("[data-live-say]").textContent`);

await walk(async (chromium, base) => {
  await ask("at 2026-03-25 09:10:00");
  const open = async (login) => {
    const window = await chromium.window(login, base);
    if (login !== "anyone") await window.signIn(login, PASSWORD);
    return window;
  };
  const [anyone, list, wall] = [await open("anyone"), await open("anyone"), await open("anyone")];
  const [bidder, agent] = [await open("bidder1"), await open("agent")];
  await list.go("/opening?day=2026-03-25");
  await listened(list, "the list before", ["今日开标", "TEST-0001/1"]);
  await wall.go(`${HALL}/screen`);
  await wall.until(`/^00:\\d\\d:\\d\\d$/.test(document.querySelector(".screen-count time").textContent)`, "the countdown");
  for (const window of [anyone, bidder, agent]) await window.go(HALL);
  await listened(anyone, "the hall before", ["开标大厅", "2026-03-25 开标", "大屏显示"]);
  const nervous = await open("bidder3");
  await nervous.go(HALL);
  const reloading = restless(nervous, "我不放心，一直在刷新。");
  await reloading.again();
  await anyone.eval("window.same = document.querySelector('[data-live-say]')");

  // the box is closed: all windows go on by themselves, and what is said is said in the same place
  await ask("close");
  for (const window of [anyone, bidder, agent]) await window.see("已封箱");
  assert.match(await said(anyone), /已封箱.*已有 0 位保管人/);
  await reloading.again();
  await list.see("等待密钥份额");
  await wall.see("截止时投标人数量");
  await bidder.follow(`form[action$="/arrival"] button`);
  await anyone.see("bidder1有限公司");
  await reloading.again();
  await ask("release 1");
  await anyone.see("已有 1 位保管人释放密钥份额");
  await anyone.until(`document.querySelector("[data-live-say]").textContent.includes("已有 1 位")`, "the words for those who listen");
  assert.equal(await anyone.eval("window.same === document.querySelector('[data-live-say]')"), true, "the place where it is said stays");
  await reloading.again();
  await listened(anyone, "the hall at work", ["开标大厅", "签到名单", "投标文件", "密钥保管人", "开标异议"]);

  // reloaded in the middle of a sentence
  await bidder.type("#words", "请核对第二份投标");
  await bidder.go(HALL);
  assert.equal(await bidder.eval(`document.querySelector("#words").value`), "请核对第二份投标");
  // what others do takes nothing out from under who is writing
  await ask("release 2");
  await anyone.see("已有 2 位保管人释放密钥份额");
  assert.equal(await bidder.eval(`document.querySelector("#words").value`), "请核对第二份投标");
  await ask("open");
  for (const window of [anyone, bidder, agent, wall]) await window.see("9,300,000.00");
  await reloading.again();
  await bidder.type("#words", "请核对第二份投标。");
  await bidder.follow(`form[action$="/objection"] button`);
  await bidder.go(HALL);
  assert.equal(await bidder.eval(`document.querySelector("#words").value`), "", "what was sent is not offered again");
  await agent.until(`document.querySelector('form[action$="/answer"] textarea') !== null`, "the objection");
  await reloading.again();
  await agent.type(`form[action$="/answer"] textarea`, "已当场核对。");
  await agent.go(HALL);
  assert.equal(await agent.eval(`document.querySelector('form[action$="/answer"] textarea').value`), "已当场核对。");
  await agent.follow(`form[action$="/answer"] button`);
  await anyone.see("已当场核对。");
  await reloading.again();
  await listened(agent, "the agent's hall", ["开标大厅", "投标文件", "唱标", "开标记录", "开标异议"]);

  await ask("publish");
  await anyone.see("阅读和打印");
  await list.see("开标结束");
  for (const window of [anyone, bidder, wall, list]) await window.go(await window.eval("location.pathname + location.search"));
  await anyone.see("开标结束");
  await listened(anyone, "the hall after", ["开标大厅", "回放", "签到名单", "唱标", "阅读和打印", "开标异议"]);
  await reloading.again();
  const { typed, told } = await reloading.calm();
  assert.ok(typed, "there was a form to type into");
  assert.deepEqual(told, { closed: 1, arrived: 1, released: 2, read: 3, objected: 1, answered: 1, published: 1 }, "what the last look told");
  await anyone.go(`${HALL}/single/record`);
  await anyone.see("已当场核对。");
  await listened(anyone, "the record", ["开标记录", "唱标", "密钥保管人", "签到名单", "开标异议", "签署"]);
  assert.equal(await anyone.prints(), 1, "the record prints without the buttons of the page");

  // the wall is turned with the keys of a remote control, the replay plays by itself
  await wall.go(`${HALL}/screen?bid=1`);
  await wall.turned("PageDown");
  assert.match(await wall.text(), /bidder2有限公司/);
  await wall.turned("ArrowLeft");
  assert.match(await wall.text(), /bidder1有限公司/);
  await listened(wall, "the wall", ["bidder1有限公司"]);
  await anyone.go(`${HALL}/replay`);
  await listened(anyone, "the replay", ["开标回放", "全部步骤"]);
  const button = `document.querySelector("[data-play]").textContent`;
  const step = `Number(new URLSearchParams(location.search).get("step") ?? 1)`;
  const atRest = await anyone.eval(button);
  await anyone.click("[data-play]");
  await anyone.until(`${step} >= 3 && ${button} !== ${JSON.stringify(atRest)}`, "the third step of the replay, playing");
  await anyone.click("[data-play]");
  // a step that was on its way when the button was pressed may still arrive, and no other after it
  let stood;
  await anyone.until(async () => {
    const before = stood;
    stood = await anyone.eval(step);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    return before === stood;
  }, "that it stands still");
  assert.equal(await anyone.eval(button), atRest, "it says that it can be played");
  assert.ok(await anyone.eval(`document.querySelector("a[rel=next]") !== null`), "it did not stop only at the last step");
  for (const window of [anyone, list, wall, bidder, agent, nervous]) assert.deepEqual(window.complaints(), [], window.name);
});
