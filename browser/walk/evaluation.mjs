// An evaluation from the experts' yes to the published result, every step in a real browser: five experts join, are recorded,
// review, score and sign; the supervisor plays the recording back; the public reads the result and finds it in the log.
import assert from "node:assert/strict";
import { ask, walk } from "./driver.mjs";

const PASSWORD = "correct horse";
const LOT = "BH-2026-0017/1";
const ROOM = `/evaluation/${LOT}`;
const PUBLIC = `/publication/${LOT}`;
/** What the banner says about the recording. */
const STANDING = `document.querySelector("[data-recording-standing]")?.dataset.is`;
const task = (name) => `document.querySelector("main").innerText.includes("${name}")`;

await walk(async (chromium, base) => {
  const windows = [];
  const enter = async (login, key = true) => {
    const window = await chromium.window(login, base);
    windows.push(window);
    await window.signIn(login, PASSWORD);
    if (key) await window.makeKey();
    return window;
  };

  // the agent waits for the experts, who say yes
  const agent = await enter("agent");
  const logins = (await ask("experts")).split(" ");
  assert.equal(logins.length, 5);
  const experts = [];
  for (const login of logins) {
    const first = experts.length === 0;
    const expert = await chromium.window(login, base);
    windows.push(expert);
    if (first) {
      await expert.go("/account/sign-in");
      await expert.picture("expert-sign-in", { english: true });
    }
    await expert.signIn(login, PASSWORD);
    if (first) await expert.picture("expert-home");
    await expert.makeKey();
    if (first) await expert.picture("expert-key", { english: true });
    await expert.go("/expert-draw/invitations");
    if (first) await expert.picture("expert-invitation", { english: true });
    await expert.follow(`form:has([name=answer][value=accept]) button`);
    experts.push(expert);
  }
  await experts[0].picture("expert-invitation-accepted");

  // the agent forms the committee, the experts declare and open their recordings
  await agent.go(ROOM);
  await agent.picture("agent-form-committee", { english: true });
  await agent.follow(`form[action$="/committee"] button`);
  await agent.see("5 号成员");
  await agent.picture("agent-committee");
  const studios = [];
  for (const expert of experts) {
    const first = expert === experts[0];
    await expert.go("/evaluation");
    if (first) await expert.picture("expert-evaluations", { english: true });
    await expert.follow(`main a[href="${ROOM}"]`);
    if (first) await expert.picture("expert-declare", { english: true });
    await expert.click("[name=conflict][value=none]");
    await expert.follow(`form[action$="/declaration"] button`);
    await expert.until(task("请打开录像"), "the call to open the recording");
    if (first) await expert.picture("expert-open-recording", { english: true });
    const studio = await expert.beside();
    await studio.go(await expert.eval(`document.querySelector("main a[href$='/studio']").getAttribute("href")`));
    if (first) {
      await studio.until(`${STANDING} !== undefined`, "the banner");
      await studio.picture("expert-studio", { english: true });
    }
    await studio.click("[data-studio-start]");
    await studio.until(bothAre("on"), "camera and screen");
    studios.push(studio);
  }
  await studios[0].until(`${STANDING} === "recording"`, "everybody is recorded");
  await studios[0].picture("expert-studio-recording");
  await agent.go(ROOM);
  await agent.until(`${STANDING} === "recording"`, "the banner of the agent");
  await agent.picture("agent-start", { english: true });
  await agent.insist(`form[action$="/start"] button`, `document.querySelector('form[action$="/start"]') === null`, "the start");

  // the supervisor watches live
  const supervisor = await enter("supervisor", false);
  await supervisor.go(ROOM);
  await supervisor.picture("supervisor-room");
  await supervisor.go(`/supervision/${LOT}`);
  await supervisor.follow(`a[href$="/live"]`);
  await supervisor.until(`[...document.querySelectorAll("video")].some((v) => v.currentTime > 0 && v.videoWidth > 0)`, "a live picture", 300);
  await supervisor.picture("supervisor-live");
  await supervisor.go("/");

  // review: three of five reject the last bid
  for (const [i, expert] of experts.entries()) {
    await expert.go(ROOM);
    await expert.until(task("请逐份审查"), "the review");
    if (i === 0) await expert.picture("expert-review", { english: true });
    await expert.follow("ol.choices a");
    for (let bid = 0; bid < 4; bid++) {
      const here = await expert.eval("location.pathname");
      await expert.until(`document.querySelectorAll("fieldset.verdict").length > 0`, "the items");
      await expert.eval(`document.querySelectorAll("[type=radio][value=pass]").forEach((e) => e.click())`);
      if (bid === 3 && i < 3) {
        await expert.click("fieldset.verdict [value=fail]");
        await expert.type("fieldset.verdict .if-fail input", "投标函没有法定代表人签字");
      }
      if (i === 0 && bid === 3) await expert.picture("expert-review-bid");
      await expert.insist("form.sheet button", `location.pathname !== ${JSON.stringify(here)}`, "the next bid");
    }
    await expert.until(`location.pathname.endsWith("/review/sign")`, "the page for signing");
    if (i === 0) await expert.picture("expert-review-sign", { english: true });
    await expert.insist("form[data-sign] button", `!location.pathname.endsWith("/sign")`, "a signed review");
    if (i === 0) await expert.picture("expert-wait");
  }

  // scores: while an expert types, another's recording stops, and everything waits until it is back
  const [leader, ...others] = experts;
  await leader.until(task("请逐份打分"), "scoring begins by itself");
  await leader.picture("expert-score", { english: true });
  await leader.follow("ol.choices a");
  await score(leader, 0);
  await leader.picture("expert-score-bid");
  await studios[4].click("[data-studio-stop]");
  await leader.until(`${STANDING} === "grace"`, "the warning");
  await leader.picture("expert-recording-warning", { phone: false });
  await leader.until(`${STANDING} === "halted"`, "the pause");
  assert.match(await leader.text(), /评标已暂停：5 号席位/);
  assert.equal(await leader.eval(`document.querySelector("form.sheet button").disabled`), true);
  await leader.picture("expert-recording-halted");
  // a reload loses nothing
  const typed = await leader.eval(`document.querySelector("input.short").value`);
  await leader.go(await leader.eval("location.pathname"));
  assert.equal(await leader.eval(`document.querySelector("input.short").value`), typed);
  await studios[4].until(bothAre("off"), "both stopped");
  await studios[4].click("[data-studio-start]");
  await studios[4].until(bothAre("on"), "camera and screen once more");
  await leader.until(`${STANDING} === "recording"`, "the recording is back");
  for (const [i, expert] of experts.entries()) {
    if (expert !== leader) {
      await expert.go(ROOM);
      await expert.follow("ol.choices a");
    }
    for (let bid = 0; bid < 3; bid++) {
      const here = await expert.eval("location.pathname");
      await score(expert, i);
      await expert.insist("form.sheet button", `location.pathname !== ${JSON.stringify(here)}`, "the next bid");
    }
    await expert.until(`location.pathname.endsWith("/scores/sign")`, "the page for signing");
    if (i === 0) await expert.picture("expert-score-sign", { english: true });
    await expert.insist("form[data-sign] button", `!location.pathname.endsWith("/sign")`, "a signed sheet");
  }

  // the leader closes; all sign the report
  await leader.until(task("请您作为组长汇总"), "the leader's turn");
  await leader.picture("expert-close", { english: true });
  await leader.insist(`form[action$="/close"] button`, `location.pathname.endsWith("/report")`, "the report");
  await leader.picture("expert-report", { english: true });
  for (const expert of [leader, ...others]) {
    await expert.go(`${ROOM}/report`);
    await expert.follow(`a[href$="opinion=agree"]`);
    if (expert === leader) await expert.picture("expert-report-sign");
    await expert.follow("form[data-sign] button");
    assert.match(await expert.eval("location.pathname"), /report$/);
  }
  await leader.go(ROOM);
  await leader.until(task("评标已经完成"), "the end");
  await leader.picture("expert-done");
  for (const studio of studios) await studio.click("[data-studio-stop]").catch(() => {});
  for (const studio of studios) await studio.until(bothAre("off"), "a stopped recorder");
  await ask("recording-job");
  for (const studio of studios) await studio.close();
  for (const expert of others) await expert.close();

  // candidates, publicity, award, result
  await agent.go(`${ROOM}/report`);
  await agent.picture("agent-report");
  await ask("days 1");
  await agent.signIn("agent", PASSWORD);
  await agent.go(PUBLIC);
  await agent.picture("agent-publication", { english: true });
  await signPaper(agent, "candidates");
  await agent.go(PUBLIC);
  await agent.picture("agent-publication-running");
  const anyone = await chromium.window("anyone", base);
  windows.push(anyone);
  await anyone.go(PUBLIC);
  await anyone.follow(`main ol.timeline a[href$="/candidates"]`);
  await anyone.picture("public-candidates", { english: true });
  await ask("days 5");
  const entity = await enter("entity");
  await entity.go(PUBLIC);
  await entity.picture("entity-award", { english: true });
  await entity.go(`${PUBLIC}/sign/award`);
  await entity.click("[type=radio][name=bid]");
  await entity.picture("entity-award-choice");
  await entity.follow("form[action$='/check'] button");
  await entity.picture("entity-award-sign");
  await entity.follow("form[data-sign] button");
  await agent.signIn("agent", PASSWORD);
  await signPaper(agent, "result");

  // anyone reads the result and finds it in the log
  await anyone.go("/");
  await anyone.picture("public-home", { english: true });
  await anyone.go("/tender/BH-2026-0017");
  await anyone.picture("public-tender");
  await anyone.go(`${PUBLIC}/result`);
  await anyone.picture("public-result", { english: true });
  assert.match(await anyone.text(), /明远路桥股份有限公司/);
  const found = await anyone.eval(`(async () => {
    const lines = [...document.querySelectorAll("dt")].map((dt) => [dt.textContent, dt.nextElementSibling.textContent]);
    const index = Number(lines.find(([name]) => name.includes("日志序号"))?.[1]);
    const note = await (await fetch("/log/checkpoint")).text();
    return { index, size: Number(note.split("\\n")[1]) };
  })()`);
  assert.ok(Number.isInteger(found.index) && found.index < found.size, JSON.stringify(found));
  await anyone.follow(`main a[href="/log/entry/${found.index}"]`);
  await anyone.go("/log");
  await anyone.picture("public-log");
  const winner = await enter("bidder3", false);
  await winner.go(PUBLIC);
  await winner.follow(`a[href$="/letter"]`);
  await winner.picture("bidder-letter");

  // the supervisor sees every step with its place in the log, and plays the recording back
  await ask("recording-job");
  await supervisor.signIn("supervisor", PASSWORD);
  await supervisor.go("/supervision");
  await supervisor.picture("supervisor-lots", { english: true });
  await supervisor.go(`/supervision/${LOT}`);
  await supervisor.picture("supervisor-lot");
  const steps = await supervisor.text();
  for (const step of ["组成评标委员会", "成员签署评审文件", "形成评标报告", "定标", "发出通知书"]) assert.ok(steps.includes(step), `${step} is among the steps`);
  assert.equal(await supervisor.eval(`[...document.querySelectorAll("#log ~ .scroll tbody tr")].every((row) => /^\\d+$/.test(row.cells[0].innerText.trim()))`), true, "each with its place in the log");
  await supervisor.follow(`ul.tasks a[href^="/recording/"]`);
  await supervisor.click("[data-player-play]");
  const at = `[...document.querySelectorAll("[data-player-track] video")].map((v) => v.currentTime)`;
  // on to the beginning of the evaluation, when everybody was recorded
  await supervisor.click("[data-player-jump]");
  await supervisor.until(`${at}.filter((t) => t > 0).length > 1`, "tracks play", 300);
  const before = await supervisor.eval(at);
  await supervisor.until(`${at}.some((t, i) => t > ${JSON.stringify(before)}[i] + 2)`, "playback goes on", 300);
  await supervisor.picture("supervisor-playback", { phone: false });
  for (const window of windows) assert.deepEqual(window.complaints(), [], window.name);
});

function bothAre(name) {
  return `[...document.querySelectorAll("[data-state]")].filter((e) => e.dataset.is === "${name}").length === 2`;
}

/** Fills in a page of scores: objective items as everybody, the others as this expert sees it. */
async function score(window, expert) {
  await window.until(`document.querySelectorAll("input.short").length > 0`, "the fields");
  const fields = await window.eval(`[...document.querySelectorAll(".sheet .field")].map((f) => ({ id: f.querySelector("input").id, text: f.innerText }))`);
  for (const { id, text } of fields) {
    const most = Number(/–\s*(\d+(\.\d+)?)/.exec(text)[1]);
    const points = text.includes("客观") ? most * 0.8 : most - 5 - expert;
    await window.type(`#${id}`, String(points));
  }
}

/** The agent's way from the button to the signed paper. */
async function signPaper(window, paper) {
  await window.go(`${PUBLIC}/sign/${paper}`);
  await window.picture(`agent-sign-${paper}`);
  await window.follow("form[data-sign] button");
  assert.ok(!(await window.eval("location.pathname")).includes("/sign/"), await window.state());
}
