// Opens reports in a real browser, and checks everything that a reader can do with them. Called by
// tests/browser/main.rs: node check.mjs CHROMIUM FOLDER LOADGEN. The folder has the reports;
// screenshots go there too.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, folder, loadgen] = process.argv.slice(2);
// The browser's sandbox needs privileges that root in a container lacks; only our own files are opened.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const file = (name) => pathToFileURL(`${folder}/${name}`).href;
let failed = 0;

/** Runs one check on a fresh page, which must not log to the console, use the network or open a dialog. */
async function check(name, url, options, act) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const trouble = [], asked = [];
  page.setDefaultTimeout(10_000);
  page.on("console", (message) => trouble.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { trouble.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => asked.push(request.url()));
  try {
    await page.goto(url);
    if (options.javaScriptEnabled !== false) await page.locator("#tools").waitFor();
    await act(page, asked);
    assert.deepEqual(trouble, []);
    assert.deepEqual(asked.filter((asked) => !asked.startsWith("data:") && !asked.startsWith(new URL(".", url).href)), []);
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`NOT OK ${name}: ${error.message}\n  ${trouble.join("\n  ")}`);
    await page.screenshot({ path: `${folder}/failed-${failed}.png` }).catch(() => {});
  }
  await context.close();
}

const svg = (page, id) => page.locator(`#chart-${id} .scroll > svg`);
const center = async (locator) => {
  await locator.scrollIntoViewIfNeeded();
  await locator.evaluate((element) => element.scrollIntoView({ block: "center" }));
  return locator.boundingBox();
};
const texts = (locator) => locator.allTextContents();

await check("a page makes no requests and logs nothing", file("index.html"), {}, async (page, asked) => {
  await page.waitForTimeout(300);
  assert.deepEqual(asked.filter((url) => !url.startsWith("data:")), [file("index.html")]);
  assert.ok((await page.locator("figure.chart").count()) >= 10);
});

await check("hostile text does nothing", file("hostile.html"), {}, async (page, asked) => {
  await page.waitForTimeout(300);
  assert.equal(await page.evaluate(() => globalThis.hit), undefined);
  assert.equal(await page.locator("body script").count(), 2);
  assert.equal(await page.locator("img, iframe, object, embed, base, form").count(), 0);
  assert.deepEqual(asked.filter((url) => !url.startsWith("data:")), [file("hostile.html")]);
  assert.ok((await page.locator("h1").textContent()).includes("hit=1"));
});

await check("the crosshair shows values, with pointer and keyboard", file("index.html"), {}, async (page) => {
  const box = await center(svg(page, "throughput"));
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
  const values = page.locator("#chart-throughput .values");
  await values.waitFor();
  const [head, ...rows] = await texts(values.locator("b, span"));
  assert.match(head, /^-?[\d.]+ s$/);
  assert.ok(rows.length > 0 && rows.every((row) => /^(sequential|threaded|async): [\d,.]+\/s$/.test(row)), rows.join());
  await page.mouse.move(5, 5);
  await values.waitFor({ state: "hidden" });
  await svg(page, "latency").focus();
  await page.keyboard.press("ArrowRight");
  const by = page.locator("#chart-latency .values");
  await by.waitFor();
  const before = await by.textContent();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  assert.notEqual(await by.textContent(), before);
});

await check("values at the crosshair are in the table", file("index.html"), {}, async (page) => {
  await svg(page, "band-async").focus();
  await page.keyboard.press("ArrowLeft");
  const rows = await texts(page.locator("#chart-band-async .values span"));
  assert.ok(rows.length >= 3, rows.join());
  const cells = new Set(await texts(page.locator("#data-timeline-async td")));
  for (const row of rows) assert.ok(cells.has(row.split(": ")[1]), row);
});

await check("a slow operation opens a card, with pointer and keyboard", file("index.html"), {}, async (page) => {
  const points = page.locator("#chart-heat-async .exemplar"), card = page.locator("#chart-heat-async .card");
  assert.ok((await points.count()) >= 5);
  // The last one, because nothing is drawn over it.
  await center(points.last());
  await points.last().click();
  await card.waitFor();
  const rows = await texts(card.locator("dt"));
  assert.deepEqual(rows, ["step", "response", "at", "outcome", "URL", "trace", "sampled"]);
  const trace = card.locator("dd a");
  assert.match(await trace.textContent(), /^[0-9a-f]{32}$/);
  assert.equal(await trace.getAttribute("href"), `http://127.0.0.1:16686/trace/${await trace.textContent()}`);
  await page.keyboard.press("Escape");
  await card.waitFor({ state: "hidden" });
  // The focus is on the point again.
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await card.waitFor();
  assert.notEqual(await trace.textContent(), null);
  await card.getByText("Copy").click();
  assert.equal(await page.evaluate(() => getSelection().toString()), await trace.textContent());
  await card.getByText("Close").click();
  await card.waitFor({ state: "hidden" });
  assert.ok((await page.locator("#data-exemplars tbody tr").count()) >= 3);
});

await check("a series can be hidden and shown again", file("index.html"), {}, async (page) => {
  const entry = page.locator("#chart-latency .entry").first(), series = page.locator("#chart-latency .series[data-key=sequential]").first();
  await entry.click();
  await series.waitFor({ state: "hidden" });
  assert.equal(await entry.getAttribute("aria-pressed"), "false");
  await entry.focus();
  await page.keyboard.press("Enter");
  await series.waitFor({ state: "visible" });
});

await check("a range can be zoomed into and out of", file("index.html"), {}, async (page) => {
  const chart = svg(page, "throughput"), ticks = () => texts(chart.locator(".x-ticks text"));
  const whole = await ticks(), box = await center(chart);
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.55, { steps: 4 });
  await page.mouse.up();
  assert.match(await chart.getAttribute("class"), /zoomed/);
  const near = await ticks();
  assert.notDeepEqual(near, whole);
  assert.ok(near.length >= 3 && near.every((tick) => / s$|^0$/.test(tick.trim())), near.join());
  await page.locator("#chart-throughput .reset").click();
  assert.deepEqual(await ticks(), whole);
  await chart.focus();
  await page.keyboard.press("+");
  assert.match(await chart.getAttribute("class"), /zoomed/);
  await page.keyboard.press("0");
  assert.deepEqual(await ticks(), whole);
  await svg(page, "cdf").focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("+");
  assert.ok((await texts(svg(page, "cdf").locator(".x-ticks text"))).length >= 3);
  await svg(page, "latency").focus();
  await page.keyboard.press("+");
  assert.ok((await texts(svg(page, "latency").locator(".x-ticks text"))).every((tick) => tick.includes("%")));
});

await check("the small charts of steps have one pointer, and a step can be chosen", file("index.html"), {}, async (page) => {
  const charts = page.locator(".multiples svg[data-ends]"), values = page.locator(".multiples .values");
  const box = await center(charts.first());
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
  await values.waitFor();
  assert.equal(await page.locator(".multiples .cross[visibility=visible]").count(), await charts.count());
  const rows = await texts(values.locator("span"));
  assert.ok(rows.length >= 2 && rows.every((row) => /: (p50 [\d,.]+ \S+, p99 [\d,.]+ \S+|nothing completed|[\d,]+ failed)/.test(row)), rows.join());
  await page.mouse.move(5, 5);
  await values.waitFor({ state: "hidden" });
  await page.locator(".multiples").focus();
  await page.keyboard.press("ArrowRight");
  const before = await values.textContent();
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await values.textContent(), before);
  await page.keyboard.press("Escape");
  await values.waitFor({ state: "hidden" });
  await page.locator("#which").selectOption("1");
  assert.deepEqual(await page.locator("details.step").evaluateAll((all) => all.flatMap((one, i) => (one.open ? [i] : []))), [1]);
  await page.locator("details.step").nth(0).locator("summary").first().click();
  assert.equal(await page.locator("#which").inputValue(), "0");
  const heat = page.locator("details.step").nth(0).locator("figure").first();
  await heat.locator("svg.live-svg").focus();
  await page.keyboard.press("ArrowRight");
  assert.match((await texts(heat.locator(".values span"))).join(), /p50: /);
});

await check("modes and steps can be filtered", file("index.html"), {}, async (page) => {
  await page.locator("#modes input[value=threaded]").uncheck();
  assert.equal(await page.locator("#chart-band-threaded").isVisible(), false);
  assert.equal(await page.locator("section.mode.threaded").isVisible(), false);
  assert.equal(await page.locator("#data-steps tr[data-trace=threaded]").first().isVisible(), false);
  assert.equal(await page.locator("#chart-band-async").isVisible(), true);
  const shown = () => page.locator("#data-steps tbody tr:visible").count();
  const all = await shown();
  await page.locator("#step").fill("slow");
  assert.ok((await shown()) > 0 && (await shown()) < all);
  await page.locator("#step").fill("");
  await page.locator("#modes input[value=threaded]").check();
  assert.equal(await page.locator("#chart-band-threaded").isVisible(), true);
});

await check("steps can be sorted", file("index.html"), {}, async (page) => {
  const unit = { ns: 1e-6, "µs": 1e-3, ms: 1, s: 1e3 };
  const column = async () => (await texts(page.locator("#data-steps tbody tr td:nth-child(7)"))).filter((text) => text !== "n/a")
    .map((text) => parseFloat(text.replaceAll(",", "")) * unit[text.split(" ")[1]]);
  const head = page.locator("#data-steps th", { hasText: "p50" }).first();
  await head.locator("button").click();
  const up = await column();
  assert.ok(up.length > 3);
  assert.deepEqual(up, [...up].sort((a, b) => a - b));
  await head.locator("button").press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  assert.deepEqual(await column(), [...up].sort((a, b) => b - a));
});

await check("any percentile can be read, with the value of the table", file("index.html"), {}, async (page) => {
  await page.locator("#reader").waitFor();
  const cell = (row) => page.locator("#data-percentiles tbody tr", { has: page.locator(`bdi:text-is("${row}")`) }).locator("td").first().textContent();
  for (const percentile of ["50", "92.5", "1", "99.99"]) {
    await page.locator("#percentile").fill(percentile);
    const read = await page.locator("#read").textContent();
    assert.equal(/^sequential (.*?)( ·|$)/.exec(read)[1], await cell(`${percentile} %`));
  }
  await page.locator("#percentile").fill("101");
  assert.match(await page.locator("#read").textContent(), /0 to 100/);
});

for (const width of [1280, 800, 400]) {
  for (const colorScheme of ["light", "dark"]) {
    await check(`${width} pixels wide, ${colorScheme}`, file("index.html"), { viewport: { width, height: 900 }, colorScheme }, async (page) => {
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "the page is wider than its window");
      const [ground, ink] = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]);
      const light = (color) => color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + +part, 0) > 382;
      assert.deepEqual([light(ground), light(ink)], colorScheme === "light" ? [true, false] : [false, true]);
      const paper = await svg(page, "latency").locator("rect").first().evaluate((rect) => getComputedStyle(rect).fill);
      assert.equal(light(paper), colorScheme === "light");
      await page.screenshot({ path: `${folder}/${width}-${colorScheme}.png` });
    });
  }
}

/** What goes on to the side, each with its cue and whether its first column can be seen. */
const wide = (page) => page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((scroll) => scroll.checkVisibility() && scroll.scrollWidth > scroll.clientWidth + 1).map((scroll) => {
  const cue = scroll.querySelector(".cue"), box = cue?.getBoundingClientRect(), first = scroll.querySelector("tbody tr > :first-child")?.getBoundingClientRect();
  const [from, to] = [scroll.getBoundingClientRect().left - 1, scroll.getBoundingClientRect().right + 1];
  return { name: scroll.getAttribute("aria-label"), cue: cue?.checkVisibility() ? cue.textContent : "", seen: !!box && box.left >= from && box.right <= to,
    named: !first || (first.left >= from && first.left < to), shadow: getComputedStyle(scroll).backgroundImage.includes("gradient") };
}));

for (const width of [800, 400]) {
  await check(`${width} pixels wide, clipped content has a cue`, file("index.html"), { viewport: { width, height: 900 } }, async (page) => {
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
    await page.waitForTimeout(200);
    const before = await wide(page);
    assert.ok(before.length > 0, "everything fits, so this tests nothing");
    // A chart would cover the shadow, so it has only the text.
    for (const part of before) assert.deepEqual({ ...part, name: "" }, { name: "", cue: "more to the right →", seen: true, named: true, shadow: !part.name.startsWith("Chart") }, part.name);
    await page.evaluate(() => document.querySelectorAll(".scroll").forEach((scroll) => { scroll.scrollLeft = 1e5; }));
    await page.waitForTimeout(200);
    for (const part of await wide(page)) assert.deepEqual([part.cue, part.seen, part.named], ["← more to the left", true, true], part.name);
    await page.setViewportSize({ width: 2400, height: 900 });
    await page.waitForTimeout(200);
    assert.deepEqual((await texts(page.locator("#data-steps").locator("..").locator(".cue:visible"))), (await wide(page)).filter((part) => part.name.startsWith("Steps")).map((part) => part.cue));
    await page.screenshot({ path: `${folder}/cue-${width}.png` });
  });
}

await check("clipped content has a shadow without script", file("index.html"), { viewport: { width: 400, height: 900 }, javaScriptEnabled: false }, async (page) => {
  assert.ok((await page.locator("#data-steps").locator("..").evaluate((scroll) => getComputedStyle(scroll).backgroundImage)).includes("gradient"));
});

await check("the table of contents stays, marks what is read and can be used by keyboard", file("index.html"), {}, async (page) => {
  const toc = page.locator("#toc"), current = () => texts(page.locator("#toc [aria-current]"));
  assert.deepEqual(await current(), ["Summary"]);
  const heads = await texts(page.locator("main section > h2")), links = await texts(page.locator("#toc a"));
  assert.deepEqual(links.slice(1), heads.slice(1), "every section is there, in order");
  const [left, shift] = [await toc.boundingBox(), () => page.evaluate(() => document.querySelector("main").getBoundingClientRect().left)];
  const before = await shift();
  await page.locator("#toc a", { hasText: "Steps" }).last().focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#toc [aria-current]")?.textContent === "Steps");
  assert.ok((await page.evaluate(() => scrollY)) > 1000);
  const now = await toc.boundingBox();
  assert.ok(now.x === left.x && now.y >= 0 && now.y < 40, "it stays in view");
  assert.equal(await shift(), before);
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.waitForFunction(() => document.querySelector("#toc [aria-current]")?.textContent === "How to reproduce");
  await page.locator("#modes input[value=threaded]").uncheck();
  assert.equal(await page.locator("#toc a", { hasText: "threaded" }).isVisible(), false);
  await page.screenshot({ path: `${folder}/contents.png` });
});

await check("the table of contents is folded where the page is narrow", file("index.html"), { viewport: { width: 400, height: 900 } }, async (page) => {
  const list = page.locator("#toc ol"), below = () => page.evaluate(() => document.querySelector("#toc").nextElementSibling.getBoundingClientRect().top);
  assert.equal(await list.isVisible(), false);
  const before = await below();
  await page.locator("#toc summary").focus();
  await page.keyboard.press("Enter");
  await list.waitFor();
  assert.equal(await below(), before, "it opens over the page");
  await page.screenshot({ path: `${folder}/contents-400.png` });
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "hidden" });
  await page.keyboard.press("Enter");
  await page.locator("#toc a", { hasText: "How to reproduce" }).click();
  await list.waitFor({ state: "hidden" });
  const [bar, head] = [await page.locator("#toc").boundingBox(), await page.locator("#reproduce").boundingBox()];
  assert.ok(bar.y < 10 && head.y >= bar.y + bar.height && head.y < 400, "the section is below the bar");
});

await check("steps have the percentiles of the thresholds", file("index.html"), {}, async (page) => {
  assert.ok((await texts(page.locator("#data-steps thead th"))).includes("p95"));
  assert.ok((await texts(page.locator("#data-timeline-async thead th"))).includes("p97"));
  const limits = (await texts(page.locator("#chart-band-async text"))).map((text) => text.trim());
  assert.ok(limits.includes("p97") && limits.some((text) => text.startsWith("p97 <")), limits.join());
});

await check("dark and light can be chosen", file("index.html"), { colorScheme: "light" }, async (page) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await ground();
  await page.locator("#theme").click();
  assert.notEqual(await ground(), before);
});

await check("it prints on A4", file("index.html"), { colorScheme: "dark" }, async (page) => {
  await page.emulateMedia({ media: "print" });
  for (const what of ["#tools", "#toc"]) assert.equal(await page.locator(what).isVisible(), false, what);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  await page.setViewportSize({ width: 688, height: 970 });
  const wide = await page.evaluate(() => [...document.querySelectorAll("figure svg, table.comparison")].filter((part) => part.getBoundingClientRect().right > innerWidth + 1).length);
  assert.equal(wide, 0, "charts or the comparison are wider than the paper");
  await page.pdf({ path: `${folder}/printed.pdf`, preferCSSPageSize: true });
});

await check("everything can be read without script", file("index.html"), { javaScriptEnabled: false }, async (page) => {
  assert.equal(await page.locator("#tools").isVisible(), false);
  for (const what of ["#chart-modes svg", "#chart-latency svg", ".comparison", "#data-steps", "#reproduce"]) assert.equal(await page.locator(what).first().isVisible(), true, what);
  assert.ok((await page.locator("#data-percentiles td").first().textContent()).length > 1);
});

await check("style and script work from separate files", file("html/index.html"), {}, async (page, asked) => {
  await page.locator("#reader").waitFor();
  assert.deepEqual(asked.filter((url) => !url.startsWith("data:")).sort(), ["index.html", "script.js", "style.css"].map((name) => file(`html/${name}`)));
  assert.notEqual(await page.locator(".badge").first().evaluate((badge) => getComputedStyle(badge).backgroundColor), "rgba(0, 0, 0, 0)");
});

await check("several results are overlaid", file("overlaid/index.html"), {}, async (page) => {
  assert.equal(await page.locator("#chart-latency .entry[data-key]").count(), 6);
  const box = await center(svg(page, "cdf"));
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
  assert.equal((await texts(page.locator("#chart-cdf .values span"))).length, 6);
});

const run = spawn(loadgen, ["run", "live.yaml", "--live", "127.0.0.1:0", "-o", "live", "--format", "none"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
const ended = new Promise((resolve) => run.on("exit", resolve));
const url = await new Promise((resolve, reject) => {
  createInterface({ input: run.stderr }).on("line", (line) => line.startsWith("live: ") && resolve(line.slice(6)));
  ended.then(() => reject(new Error("the run ended without a live page")));
});
await check("the live page follows the run", url, {}, async (page, asked) => {
  const count = async () => Number(/completed ([\d,]+) operations/.exec(await page.locator("#comparison").textContent())?.[1].replaceAll(",", "") ?? 0);
  const more = async (than) => { for (let i = 0; i < 80; i++) { const now = await count(); if (now > than) return now; await page.waitForTimeout(100); } throw new Error("no updates"); };
  const first = await more(0);
  await page.locator("#step").fill("sleep");
  await page.locator('#toc a[href="#steps"]').focus();
  await more(first);
  assert.equal(await page.evaluate(() => document.activeElement.hash), "#steps", "a new version of the page takes no focus");
  assert.equal(await page.locator("#step").inputValue(), "sleep");
  assert.match(await page.locator(".verdicts").textContent(), /Under way:/);
  assert.match(await page.locator("header .gates").textContent(), /nothing is decided before the end.*holds so far/s);
  await page.locator("#live", { hasText: "ended" }).waitFor({ timeout: 20_000 });
  assert.doesNotMatch(await page.locator("#page").textContent(), /Under way/);
  assert.match(await page.locator(".verdicts").textContent(), /Complete:.*Thresholds: all of them were met/s);
  assert.deepEqual([...new Set(asked.filter((url) => !url.startsWith("data:")))].sort(), [url, `${url}events`]);
});
await ended;
await browser.close();
process.exit(failed ? 1 : 0);
