fetch("/api/status").then((answer) => answer.json()).then((status) => {
  document.getElementById("status").textContent =
    `${status.requests_total} requests so far, ${status.connections} connections open.`;
});
