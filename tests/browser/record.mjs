// Visits a site in Chromium, and saves what it sent and received as a HAR if a file is named. Called by
// tests/browser/recordings.rs: node record.mjs CHROMIUM VISIT URL [HAR]. VISIT is `shop`, the site of site.mjs, or
// `builtin`, loadgen's own target.
import { chromium } from "playwright-core";

const [executablePath, visit, url, har] = process.argv.slice(2);
// The browser's sandbox needs privileges that root in a container lacks; only our own sites are opened.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext(har ? { recordHar: { path: har, content: "embed" } } : {});
const page = await context.newPage();
page.setDefaultTimeout(15_000);

const visits = {
  async shop() {
    await page.goto(`${url}/`);
    await page.fill("input[name=user]", "me & you");
    await page.fill("input[name=password]", "pa55 wörd");
    await page.click("button");
    await page.locator("#ordered", { hasText: "ready" }).waitFor();
    await page.waitForTimeout(400);
    await page.click("#order");
    await page.locator("#ordered", { hasText: "open" }).waitFor();
    await page.click("#confirm button");
    await page.locator("h1", { hasText: "Receipt" }).waitFor();
  },
  async builtin() {
    await page.goto(`${url}/html`);
    await page.locator("#status", { hasText: "requests so far" }).waitFor();
    await page.evaluate(async () => {
      const json = { "content-type": "application/json" };
      const login = await fetch("/login", { method: "POST", headers: json, body: JSON.stringify({ user: "me" }) }).then((answer) => answer.json());
      await fetch("/private", { headers: { authorization: `Bearer ${login.token}` } });
      await Promise.all(["/items?page=2", "/delay/50ms", "/stock"].map((path) => fetch(path)));
      await fetch("/cart", { method: "POST", headers: json, body: JSON.stringify({ item: 7, amount: 19.9 }) });
    });
    await page.goto(`${url}/site/0/3`);
  },
};
await visits[visit]();
// What pages still ask for has an end, too.
await page.waitForLoadState("networkidle");
await context.close();
await browser.close();
