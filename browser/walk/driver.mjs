// Drives a real Chromium over the DevTools pipe: no driver program, no package. One window per person, each with
// storage of its own, as if on different computers.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Sizes in which pages are looked at. */
const WIDE = { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false };
const PHONE = { width: 390, height: 844, deviceScaleFactor: 1.5, mobile: true };

/** How long to wait for what must come. Generous: the machine may be busy with other work. */
const PATIENCE_S = 120;

/** How long the browser may take for one command; one that never answers must not stand still for ever. */
const ANSWER_S = 300;

export class Chromium {
  #process;
  #folder = mkdtempSync(join(tmpdir(), "sunbid-chromium-"));
  #waiting = new Map();
  #listeners = new Set();
  #next = 0;
  #ended = false;
  #gone;

  static async start() {
    const chromium = new Chromium();
    const program = process.env.SUNBID_CHROMIUM ?? PLACES.find((place) => existsSync(place));
    if (program === undefined) throw new Error("Chromium is missing: apt-get install chromium");
    chromium.#launch(program);
    await chromium.send("Browser.getVersion");
    return chromium;
  }

  #launch(program) {
    const flags = [
      "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox",
      // few pictures in a second: many people record at once on one small machine
      "--use-fake-device-for-media-stream=fps=5", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
      // every window is worked in, as if on a computer of its own
      "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
      `--user-data-dir=${this.#folder}`, "about:blank",
    ];
    this.#process = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    let held = "";
    this.#process.stdio[4].setEncoding("utf8").on("data", (chunk) => {
      held += chunk;
      const messages = held.split("\0");
      held = messages.pop();
      for (const message of messages) this.#hear(JSON.parse(message));
    });
    // what is written to a browser that is gone fails there, and is told to whoever asked
    this.#process.stdio[3].on("error", () => {});
    this.#gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.on("exit", () => {
      this.#ended = true;
      for (const { reject, end } of this.#waiting.values()) {
        clearTimeout(end);
        reject(new Error("Chromium ended"));
      }
      this.#waiting.clear();
    });
  }

  #hear(message) {
    const waiting = this.#waiting.get(message.id);
    if (waiting !== undefined) {
      this.#waiting.delete(message.id);
      clearTimeout(waiting.end);
      if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
      else waiting.resolve(message.result);
    } else {
      for (const listener of this.#listeners) listener(message);
    }
  }

  send(method, params = {}, sessionId) {
    if (this.#ended) return Promise.reject(new Error(`${method}: Chromium has ended`));
    const id = ++this.#next;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      const end = setTimeout(() => reject(new Error(`${method}: Chromium did not answer within ${ANSWER_S} s`)), ANSWER_S * 1000);
      this.#waiting.set(id, { resolve, reject, method, end });
    });
  }

  listen(listener) {
    this.#listeners.add(listener);
  }

  /** A window of somebody's own. `base` is prefixed to every path. */
  async window(name, base) {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    return this.open(browserContextId, name, base);
  }

  /** A window with the storage of `context`; without one, with the storage on this computer's disk, as people have it. */
  async open(context, name, base) {
    const place = { url: "about:blank", browserContextId: context, newWindow: true, width: WIDE.width, height: WIDE.height };
    const { targetId } = await this.send("Target.createTarget", place);
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const window = new Window(this, sessionId, name, base, { context, target: targetId });
    await window.prepare();
    return window;
  }

  async end() {
    const end = setTimeout(() => this.#process.kill("SIGKILL"), 30_000);
    await this.send("Browser.close").catch(() => {});
    await this.#gone;
    clearTimeout(end);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Window {
  /** The document that the window shows, and whether all of it is there. */
  #shown = { loader: "", loaded: false };
  #complaints = [];

  constructor(chromium, session, name, base, place) {
    this.chromium = chromium;
    this.session = session;
    this.name = name;
    this.base = base;
    this.place = place;
  }

  /** Another window of the same person, with the same storage. */
  beside() {
    return this.chromium.open(this.place.context, `${this.name} (2)`, this.base);
  }

  /** Looks at no request any more: the browser would copy every byte of an upload for whoever looks, in gigabytes of memory. */
  async lookAway() {
    await this.#send("Network.disable");
  }

  async close() {
    await this.chromium.send("Target.closeTarget", { targetId: this.place.target });
  }

  /** Sets the clock of this person's computer, for this page and those that follow. */
  async setClock(text) {
    const by = Date.parse(`${text.replace(" ", "T")}+08:00`) - Date.now();
    const script = `(() => { const real = (globalThis.realNow ??= Date.now); Date.now = () => real() + ${by}; })()`;
    await this.begin(script);
    await this.eval(script);
  }

  /** Runs a script before those of every page that follows: a browser that lacks something, a clock that is wrong. */
  async begin(script) {
    await this.#send("Page.addScriptToEvaluateOnNewDocument", { source: script });
  }

  async prepare() {
    this.chromium.listen(({ sessionId, method, params }) => {
      if (sessionId !== this.session) return;
      if (method === "Page.frameNavigated" && params.frame.parentId === undefined) this.#shown = { loader: params.frame.loaderId, loaded: false };
      if (method === "Page.lifecycleEvent" && params.name === "load" && params.loaderId === this.#shown.loader) this.#shown.loaded = true;
      // "leave this page?": yes
      if (method === "Page.javascriptDialogOpening") void this.#send("Page.handleJavaScriptDialog", { accept: true });
      if (method === "Runtime.exceptionThrown") this.#complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      // nothing that these pages do may ask another site for anything
      if (method === "Network.requestWillBeSent" && !this.#isOwn(params.request.url)) this.#complaints.push(`asked elsewhere: ${params.request.url.slice(0, 200)}`);
      if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source === "security") this.#complaints.push(params.entry.text);
    });
    for (const domain of ["Page", "Runtime", "Log", "DOM", "Network"]) await this.#send(`${domain}.enable`);
    await this.#send("Page.setLifecycleEventsEnabled", { enabled: true });
    await this.#send("Emulation.setDeviceMetricsOverride", WIDE);
  }

  #isOwn(url) {
    return url.startsWith(`${this.base}/`) || /^(data|blob|about):/.test(url);
  }

  #send(method, params) {
    return this.chromium.send(method, params, this.session);
  }

  /** Goes to a path and waits until all of it is there. */
  async go(path) {
    const { loaderId, errorText } = await this.#send("Page.navigate", { url: this.base + path });
    if (errorText) throw new Error(`${this.name}: ${path}: ${errorText}`);
    await this.until(() => this.#shown.loader === loaderId && this.#shown.loaded, `the page ${path}`);
  }

  /** Evaluates an expression in the page; promises are awaited. */
  async eval(expression) {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${this.name}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Waits until a function here, or an expression in the page, is true. A page is asked once all of it is there. */
  async until(condition, what = String(condition), seconds = PATIENCE_S) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      try {
        if (await (typeof condition === "string" ? this.eval(`document.readyState === "complete" && (${condition})`) : condition())) return;
      } catch (error) {
        // while a page is being replaced there is nothing to ask
        if (!/context|navigat/i.test(String(error))) throw error;
      }
      if (Date.now() > end) throw new Error(`${this.name} waited in vain for ${what}\n${await this.state()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async state() {
    const page = await this.eval(`location.href + "\\n" + document.body.innerText.slice(0, 3000)`).catch((error) => String(error));
    return `${page}\n${this.#complaints.join("\n")}`;
  }

  /** Clicks what the selector finds, once all of the page is there: a button does nothing before its script has run. */
  async click(selector) {
    let clicked;
    await this.until(async () => {
      clicked = await this.eval(`(() => {
        if (document.readyState !== "complete") return "too early";
        const e = document.querySelector(${JSON.stringify(selector)});
        e?.click();
        return e === null ? "nothing" : "clicked";
      })()`);
      return clicked !== "too early";
    }, "all of the page");
    if (clicked === "nothing") throw new Error(`${this.name}: nothing to click at ${selector}\n${await this.state()}`);
  }

  /** Clicks and waits for the page that follows. */
  async follow(selector) {
    await this.until(() => this.#shown.loaded, "all of the page");
    const before = this.#shown.loader;
    await this.click(selector);
    await this.until(() => this.#shown.loader !== before && this.#shown.loaded, `what follows ${selector}`);
  }

  /** Types into a field as a person would see it. */
  async type(selector, value) {
    const found = await this.eval(`(() => {
      const e = document.querySelector(${JSON.stringify(selector)});
      if (!e) return false;
      e.value = ${JSON.stringify(value)};
      e.dispatchEvent(new Event("input", { bubbles: true }));
      e.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    })()`);
    if (!found) throw new Error(`${this.name}: no field ${selector}\n${await this.state()}`);
  }

  /** Chooses files for an input. */
  async choose(selector, files) {
    const { root } = await this.#send("DOM.getDocument");
    const { nodeId } = await this.#send("DOM.querySelector", { nodeId: root.nodeId, selector });
    if (nodeId === 0) throw new Error(`${this.name}: no file input ${selector}\n${await this.state()}`);
    await this.#send("DOM.setFileInputFiles", { nodeId, files });
  }

  /** Clicks and waits for the page that follows, again and again until `arrived`: somebody who is told "not now" tries again. */
  async insist(selector, arrived, what) {
    await this.until(async () => {
      if (await this.eval(arrived)) return true;
      if (await this.eval(`document.querySelector(${JSON.stringify(selector)})?.disabled === false`)) await this.follow(selector);
      return this.eval(arrived);
    }, what, 300);
  }

  text() {
    return this.eval("document.body.innerText");
  }

  /** Waits until the page says `words`. */
  see(words, seconds) {
    return this.until(`document.body.innerText.includes(${JSON.stringify(words)})`, `“${words}”`, seconds);
  }

  /**
   * Pictures of the page for the manual: `name.webp` wide, `name-phone.webp` as on a phone, and with `english` also
   * `name-en.webp` (which loads the page anew, so nothing may be typed into it). Refuses a page that is wider than its window
   * or shows a key where a sentence should be.
   */
  async picture(name, { phone = true, english = false } = {}) {
    await this.#capture(WIDE, name);
    if (phone) {
      await this.#capture(PHONE, `${name}-phone`);
      await this.#send("Emulation.setDeviceMetricsOverride", WIDE);
    }
    if (!english) return;
    const path = await this.eval("location.pathname + location.search");
    await this.go(`/account/lang/en?next=${encodeURIComponent(path)}`);
    await this.#capture(WIDE, `${name}-en`);
    await this.go(`/account/lang/zh-CN?next=${encodeURIComponent(path)}`);
  }

  async #capture(size, name) {
    const folder = process.env.SUNBID_PICTURES;
    if (folder === undefined) return;
    await this.#send("Emulation.setDeviceMetricsOverride", size);
    await this.eval("scrollTo(0, 0)");
    const wide = await this.eval("document.documentElement.scrollWidth");
    if (wide > size.width) throw new Error(`${name}: the page is ${wide} wide in a window of ${size.width}\n${await this.state()}`);
    const key = /\b(account|announcement|clarification|deposit|evaluation|expert_draw|objection|open_data|opening|platform|portal|project|publication|recording|sealed_bid|supervision)\.[a-z_]+\.[a-z_]+/.exec(await this.text());
    if (key !== null) throw new Error(`${name}: the page shows the key ${key[0]}`);
    const { cssContentSize } = await this.#send("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width: size.width, height: Math.min(Math.ceil(cssContentSize.height), 6000), scale: 1 };
    const { data } = await this.#send("Page.captureScreenshot", { format: "webp", quality: 60, captureBeyondViewport: true, clip });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${name}.webp`), Buffer.from(data, "base64"));
  }

  /** Looks at the page as on a phone, or wide. */
  async size(phone) {
    await this.#send("Emulation.setDeviceMetricsOverride", phone ? PHONE : WIDE);
    await this.eval("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
  }

  /**
   * What a screen reader meets, in its order: role, name and level of everything that the accessibility tree does not leave
   * out; of a table, how many columns it names.
   */
  async outline() {
    await this.#send("Accessibility.enable");
    const { nodes } = await this.#send("Accessibility.getFullAXTree");
    const byId = new Map(nodes.map((node) => [node.nodeId, node]));
    const told = [];
    const visit = (node, table) => {
      const role = node.role?.value ?? "";
      let around = table;
      if (!node.ignored && role !== "StaticText" && role !== "InlineTextBox") {
        const level = node.properties?.find(({ name }) => name === "level")?.value?.value ?? 0;
        const line = { role, name: node.name?.value ?? "", level, columns: 0 };
        told.push(line);
        if (role === "table") around = line;
        if (role === "columnheader" && table !== undefined) table.columns += 1;
      }
      for (const child of node.childIds ?? []) if (byId.has(child)) visit(byId.get(child), around);
    };
    visit(nodes[0], undefined);
    return told;
  }

  /** Presses a key and waits for the page that follows. */
  async turned(key) {
    const before = this.#shown.loader;
    for (const type of ["keyDown", "keyUp"]) await this.#send("Input.dispatchKeyEvent", { type, key, code: key });
    await this.until(() => this.#shown.loader !== before && this.#shown.loaded, `what follows ${key}`);
  }

  /** How many first headings are printed, once nothing that can be pressed is. */
  async prints() {
    await this.#send("Emulation.setEmulatedMedia", { media: "print" });
    const shown = await this.eval(`[...document.querySelectorAll("button, .top, .bottom, nav")].filter((e) => e.getClientRects().length > 0).map((e) => e.outerHTML.slice(0, 80))`);
    const titles = await this.eval(`[...document.querySelectorAll("h1")].filter((e) => e.getClientRects().length > 0).length`);
    await this.#send("Emulation.setEmulatedMedia", { media: "" });
    if (shown.length > 0) throw new Error(`${this.name}: printed too: ${shown.join(" ")}`);
    return titles;
  }

  /** Scripts that threw and pages that broke the content security policy. */
  complaints() {
    return this.#complaints;
  }

  async signIn(login, password) {
    await this.go("/account/sign-in");
    // whoever is still signed in is taken home
    if (!(await this.eval(`document.querySelector("main input[name=login]") !== null`))) return;
    await this.type("main input[name=login]", login);
    await this.type("main input[name=password]", password);
    await this.follow("main form button");
    await this.until(`!location.pathname.includes("sign-in")`, "signing in");
  }

  /** As a trustee in the hall: has the papers checked, and waits until what they say is shown. */
  async checkPapers() {
    await this.click("form[data-release] button");
    await this.until(`document.querySelector("[data-shown]")?.offsetParent != null`, "what the papers say");
    return this.eval(`document.querySelector("[data-shown]").innerText`);
  }

  /** Changes what this browser pinned of the log beside the box key \`id\`, as only a test can. Gives what was there. */
  pinned(id, log) {
    const key = log === null ? "const { log: _, ...bare } = key; return bare;" : `return { ...key, log: ${JSON.stringify(log)} };`;
    return this.eval(`new Promise((resolve, reject) => {
      const opening = indexedDB.open("sunbid");
      opening.onerror = reject;
      opening.onsuccess = () => {
        const store = opening.result.transaction("trustee", "readwrite").objectStore("trustee");
        store.get(${JSON.stringify(id)}).onsuccess = (found) => {
          const key = found.target.result;
          store.put((() => { ${key} })()).onsuccess = () => { opening.result.close(); resolve(key.log); };
        };
      };
    })`);
  }

  /** Makes a signing key on the key page. */
  async makeKey() {
    await this.go("/account/key");
    await this.click("[data-key-make]");
    await this.until(`document.querySelector("[data-key-enrol]")?.dataset.state === "bare"`, "a certified key");
  }
}

/** Talks with the test that started the walk: `ask("at 2026-03-25 09:30:00")` waits for its answer line. */
const answers = [];
const asked = [];
let rest = "";
process.stdin.setEncoding("utf8").on("data", (chunk) => {
  rest += chunk;
  const lines = rest.split("\n");
  rest = lines.pop();
  for (const line of lines) {
    const waiting = asked.shift();
    if (waiting === undefined) answers.push(line);
    else waiting(line);
  }
});
// a test that failed answers nobody any more; a walk that stayed would keep whoever waits for its last word
process.stdin.on("end", () => process.exit(1));

export function ask(line) {
  process.stdout.write(`ask ${line}\n`);
  const ready = answers.shift();
  return ready === undefined ? new Promise((resolve) => asked.push(resolve)) : Promise.resolve(ready);
}

/** Runs a walk: `walk(async (chromium, base) => …)`. Ends the process with 0 only if nothing complained. */
export async function walk(steps) {
  const base = process.argv[2];
  const chromium = await Chromium.start();
  let code = 0;
  try {
    await steps(chromium, base);
    process.stdout.write("walked\n");
  } catch (error) {
    code = 1;
    process.stderr.write(`${error?.stack ?? error}\n`);
  } finally {
    await chromium.end();
  }
  process.exit(code);
}
