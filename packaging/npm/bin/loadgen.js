#!/usr/bin/env node
// Starts the loadgen of this platform's package, with the same arguments, streams and exit code.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const { isatty } = require("node:tty");

const { name, version } = require("../package.json");
const platform = `${name}-${process.platform}-${process.arch}`;

function program() {
  try {
    return require.resolve(`${platform}/bin/loadgen`);
  } catch {
    console.error(
      `loadgen: ${platform}@${version} is not installed. Either loadgen is not available for ` +
        `${process.platform} on ${process.arch}, or npm was told to leave out optional dependencies.`,
    );
    process.exit(1);
  }
}

const child = spawn(program(), process.argv.slice(2), { stdio: "inherit" });

// The first signal drains a run and the second one ends it, so loadgen must get each exactly once: a
// terminal sends Ctrl-C to both processes, and everything else reaches only this one.
const fromTerminal = [0, 1, 2].some((stream) => isatty(stream));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (signal !== "SIGINT" || !fromTerminal) child.kill(signal);
  });
}

child.on("error", (error) => {
  console.error(`loadgen: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});
