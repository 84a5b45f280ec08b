// A small shop whose answers no earlier recording knows: tokens, sessions and numbers of orders are new each time,
// and a request with a wrong one is refused. Prints its address, and then each request that it receives as a line
// of JSON. Called by tests/browser/recordings.rs: node site.mjs
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";

const made = (bytes) => randomBytes(bytes).toString("hex");
/** Sessions by their cookie: each with what it was given. */
const sessions = new Map();
const tokens = new Set();
let orders = 41;

const page = (title, body) => `<!doctype html><html lang=en><title>${title}</title><link rel=stylesheet href=/style.css><script src=/app.js defer></script>
<h1>${title}</h1><img src=/logo.svg alt="" width=8>\n${body}</html>`;
const hidden = (name, value) => `<input type=hidden name="${name}" value="${value}">`;
const script = `const token = document.querySelector("meta[name=api-token]")?.content;
const api = (path, options = {}) => fetch(path, { ...options, headers: { "x-api-token": token, "content-type": "application/json" } }).then((answer) => answer.json());
if (token) Promise.all([api("/api/items"), api("/api/me")]).then(([items]) => {
  document.querySelector("#order").onclick = async () => {
    const { order } = await api("/api/orders", { method: "POST", body: JSON.stringify({ item: items[0].id, quantity: 2 }) });
    const seen = await api(\`/api/orders/\${order.id}\`);
    document.querySelector("#confirm").action = \`/orders/\${order.id}/confirm\`;
    document.querySelector("#ordered").textContent = seen.state;
  };
  document.querySelector("#ordered").textContent = "ready";
});`;

function answer(method, path, query, headers, body) {
  const cookies = new Map((headers.cookie ?? "").split("; ").map((pair) => pair.split("=")));
  const session = sessions.get(cookies.get("SID"));
  const form = new URLSearchParams(body);
  const refused = (why) => [403, { "content-type": "text/plain" }, why];
  const html = (title, text, more = {}) => [200, { "content-type": "text/html; charset=utf-8", ...more }, page(title, text)];
  const json = (value, status = 200) => [status, { "content-type": "application/json" }, JSON.stringify(value)];
  if (path === "/style.css") return [200, { "content-type": "text/css" }, "h1 { color: teal }"];
  if (path === "/app.js") return [200, { "content-type": "text/javascript" }, script];
  if (path === "/logo.svg") return [200, { "content-type": "image/svg+xml" }, `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>`];
  if (path === "/favicon.ico") return [404, {}, ""];
  if (path === "/" && method === "GET") {
    const token = made(16);
    tokens.add(token);
    return html("Log in", `<form method=post action=/login>${hidden("csrf_token", token)}<input name=user><input name=password type=password><button>Log in</button></form>`);
  }
  if (path === "/login" && method === "POST") {
    if (!tokens.delete(form.get("csrf_token"))) return refused("a token that was not given");
    if (form.get("password") !== "pa55 wörd") return refused("a wrong password");
    const id = made(12);
    sessions.set(id, { user: form.get("user"), token: made(10), csrf: made(16), orders: new Map() });
    return [302, { location: `http://${headers.host}/shop`, "set-cookie": `SID=${id}; Path=/; HttpOnly` }, ""];
  }
  if (!session) return refused("no session");
  if (path === "/shop") {
    return html("Shop & more", `<meta name=api-token content=${session.token}><button id=order>Order</button> <span id=ordered></span>
      <form id=confirm method=post>${hidden("csrf_token", session.csrf)}<button>Confirm</button></form>`);
  }
  if (path.startsWith("/api/") && headers["x-api-token"] !== session.token) return refused("a wrong token of the API");
  if (path === "/api/items") return json([{ id: "lamp", price: 19.5 }, { id: "desk", price: 120 }]);
  if (path === "/api/me") return json({ user: session.user });
  if (path === "/api/orders" && method === "POST") {
    orders += 1;
    session.orders.set(String(orders), { state: "open", ...JSON.parse(body) });
    return json({ order: { id: orders } }, 201);
  }
  const [, number] = /^\/(?:api\/)?orders\/([0-9]+)/.exec(path) ?? [];
  const order = session.orders.get(number);
  if (!order) return [404, {}, "no such order"];
  if (path === `/api/orders/${number}`) return json({ ...order, id: Number(number) });
  if (path === `/orders/${number}/confirm` && method === "POST") {
    if (form.get("csrf_token") !== session.csrf) return refused("a token that was not given");
    order.receipt = made(9);
    return [303, { location: `/orders/${number}/receipt?ref=${order.receipt}` }, ""];
  }
  if (path === `/orders/${number}/receipt` && query.get("ref") === order.receipt) return html("Receipt", `<p>Order ${number}`);
  return [404, {}, "not found"];
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (part) => { body += part; });
  request.on("end", () => {
    const url = new URL(request.url, "http://site");
    const [status, headers, content] = answer(request.method, url.pathname, url.searchParams, request.headers, body);
    console.log(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body, status }));
    response.writeHead(status, headers).end(content);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
// It ends with whoever started it.
process.stdin.on("end", () => process.exit(0)).resume();
