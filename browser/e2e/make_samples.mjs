// Makes media/samples/*.blobs anew: what MediaRecorder gives for Chromium's fake camera and a shared tab, blob by blob, each
// with its length in front (four bytes, big-endian). `node browser/e2e/make_samples.mjs`
import { chromium } from "playwright-core";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const out = join(dirname(fileURLToPath(import.meta.url)), "../../media/samples");
const MP4 = "video/mp4;codecs=avc1.42E01F,opus";
const SAMPLES = [
  ["camera-mp4", MP4, false],
  ["screen-mp4", MP4, true],
  ["camera-webm", "video/webm;codecs=vp9,opus", false],
  ["camera-mkv", "video/x-matroska;codecs=avc1,opus", false],
  ["vp8-webm", "video/webm;codecs=vp8,opus", false],
];
const page = "<title>t</title><h1 id=c></h1><script>setInterval(() => { c.textContent = new Date().toISOString(); }, 200)</script>";
const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(page)).listen(0, "127.0.0.1");
const browser = await chromium.launch({
  executablePath: process.env.SUNBID_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--auto-accept-this-tab-capture", "--auto-select-tab-capture-source-by-title=t"],
});
const tab = await browser.newPage();
await tab.goto(`http://127.0.0.1:${server.address().port}/`);
for (const [name, mimeType, screen] of SAMPLES) {
  const blobs = await tab.evaluate(async ([mimeType, screen]) => {
    const video = { width: 320, height: 240, frameRate: 10 };
    const stream = screen
      ? await navigator.mediaDevices.getDisplayMedia({ video, audio: false })
      : await navigator.mediaDevices.getUserMedia({ video, audio: true });
    const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 120_000, audioBitsPerSecond: 24_000, videoKeyFrameIntervalDuration: 2000 });
    const arriving = [];
    recorder.ondataavailable = (event) => arriving.push(event.data.arrayBuffer());
    recorder.start(1000);
    await new Promise((done) => setTimeout(done, 9300));
    const stopped = new Promise((done) => { recorder.onstop = done; });
    recorder.stop();
    await stopped;
    stream.getTracks().forEach((track) => track.stop());
    return (await Promise.all(arriving)).map((bytes) => Array.from(new Uint8Array(bytes)));
  }, [mimeType, screen]);
  const parts = blobs.flatMap((bytes) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, Buffer.from(bytes)];
  });
  writeFileSync(join(out, `${name}.blobs`), Buffer.concat(parts));
  console.log(name, blobs.map((bytes) => bytes.length).join(" "));
}
await browser.close();
server.close();
