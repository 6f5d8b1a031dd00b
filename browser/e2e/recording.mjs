// Drives a real Chromium with a fake camera through the pages of a recorded session. Run by the test
// `recording::tests::chromium`; prints one line of JSON. `node recording.mjs record|play` with RECORDING_* in the environment.
import { chromium } from "playwright-core";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const { RECORDING_BASE: base, RECORDING_SESSION: session, RECORDING_EXPERT: expertToken, RECORDING_SUPERVISOR: supervisorToken } = process.env;
const shots = process.env.RECORDING_SHOTS;
const executablePath = process.env.SUNBID_CHROMIUM ?? "/usr/bin/chromium";
const cookieName = process.env.RECORDING_COOKIE;

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"],
});
const errors = [];

async function person(token, viewport = { width: 1280, height: 900 }) {
  const context = await browser.newContext({ viewport, locale: "zh-CN" });
  await context.addCookies([{ name: cookieName, value: token, url: base }]);
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error" && !/ERR_INTERNET_DISCONNECTED|503|404/.test(message.text())) errors.push(message.text()); });
  return page;
}

async function shot(page, name) {
  if (shots === undefined) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}

const until = (page, what, argument) => page.waitForFunction(what, argument, { timeout: 240_000 });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const bothAre = (name) => [...document.querySelectorAll("[data-state]")].length === 2 && [...document.querySelectorAll("[data-state]")].every((e) => e.dataset.is === name);

async function start(page) {
  await page.click("[data-studio-start]");
  await until(page, bothAre, "on");
  await until(page, () => document.querySelector("[data-recording-standing]")?.dataset.is === "recording");
}

async function record() {
  const page = await person(expertToken);
  await page.goto(`${base}/recording/${session}/studio`);
  await until(page, () => document.querySelector("[data-recording-standing]")?.dataset.is === "halted");
  await shot(page, "studio-before");
  await start(page);
  await sleep(4000);
  await shot(page, "studio-recording");

  const watcher = await person(supervisorToken);
  await watcher.goto(`${base}/recording/${session}/live`);
  await until(watcher, () => [...document.querySelectorAll("video")].length === 2 && [...document.querySelectorAll("video")].every((v) => v.currentTime > 0 && v.videoWidth > 0));
  const times = () => watcher.evaluate(() => [...document.querySelectorAll("video")].map((v) => v.currentTime));
  const before = await times();
  await sleep(5000);
  const after = await times();
  await shot(watcher, "live");
  await watcher.close();

  // the network goes away for six seconds; recording goes on and everything arrives afterwards
  await page.context().setOffline(true);
  await sleep(6000);
  await shot(page, "studio-offline");
  await page.context().setOffline(false);
  await until(page, bothAre, "on");

  // the page is reloaded: a new start, a gap, and what was not sent yet is sent first
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await start(page);
  await sleep(6000);
  await page.click("[data-studio-stop]");
  await until(page, bothAre, "off");
  await until(page, async () => {
    const database = await new Promise((resolve) => { const r = indexedDB.open("sunbid-recording", 1); r.onsuccess = () => resolve(r.result); });
    const count = await new Promise((resolve) => { const r = database.transaction("part").objectStore("part").count(); r.onsuccess = () => resolve(r.result); });
    return count === 0;
  });
  await sleep(1500);
  return { before, after, errors };
}

async function play() {
  const page = await person(supervisorToken);
  await page.goto(`${base}/recording/${session}`);
  await page.click("[data-player-play]");
  await until(page, () => [...document.querySelectorAll("[data-player-track] video")].every((v) => v.currentTime > 1 && v.videoWidth > 0));
  await sleep(2500);
  const clock = () => page.textContent("[data-player-clock]");
  const times = () => page.evaluate(() => [...document.querySelectorAll("[data-player-track] video")].map((v) => v.currentTime));
  const first = { clock: await clock(), times: await times() };
  await shot(page, "playback");
  // jump to the first gap
  await page.click("li:has(.tag.danger) [data-player-jump]");
  await sleep(400);
  const gap = { clock: await clock() };
  // both tracks play again after the gap
  const wanted = await page.evaluate(() => Math.max(...[...document.querySelectorAll("li:has(.tag.danger) [data-player-jump]")].map((e) => Number(e.dataset.playerJump))) / 1e6 - Number(document.querySelector("[data-player]").dataset.opened) / 1e6);
  await until(page, (t) => [...document.querySelectorAll("[data-player-track] video")].every((v) => v.currentTime > t + 2), wanted);
  const last = { clock: await clock(), times: await times() };
  await page.goto(`${base}/account/lang/en?next=/recording/${session}`);
  await sleep(2500);
  await shot(page, "playback-en");
  const narrow = await person(supervisorToken, { width: 360, height: 740 });
  await narrow.goto(`${base}/recording/${session}`);
  await sleep(1500);
  const wide = await narrow.evaluate(() => document.documentElement.scrollWidth);
  await shot(narrow, "playback-360");
  await narrow.goto(`${base}/recording`);
  await shot(narrow, "list-360");
  await page.goto(`${base}/recording`);
  await shot(page, "list-en");
  return { first, gap, wanted, last, wide, errors };
}

try {
  const result = process.argv[2] === "record" ? await record() : await play();
  console.log(JSON.stringify(result));
} catch (error) {
  // what the pages looked like when it went wrong
  for (const context of browser.contexts()) for (const page of context.pages()) {
    const seen = await page.evaluate(() => ({
      url: location.pathname,
      clock: document.querySelector("[data-player-clock]")?.textContent,
      states: [...document.querySelectorAll("[data-track-state], [data-state], [data-recording-standing], [data-problem]")].map((e) => `${e.dataset.is}: ${e.textContent}`),
      videos: [...document.querySelectorAll("video")].map((v) => ({ at: v.currentTime, paused: v.paused, error: v.error?.message, ready: v.readyState, buffered: Array.from({ length: v.buffered.length }, (_, i) => [v.buffered.start(i), v.buffered.end(i)]) })),
    }));
    console.error(JSON.stringify(seen));
    await shot(page, "failed");
  }
  console.error(JSON.stringify(errors));
  throw error;
} finally {
  await browser.close();
}
