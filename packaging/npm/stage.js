#!/usr/bin/env node
// Packs the npm packages from archives that archive.sh made: one for each platform, and the main one,
// which depends on them optionally, so that npm installs only the one that fits.
//
//     node packaging/npm/stage.js [--scope @owner] target/package/loadgen-VERSION-TARGET.tar.gz …
//
// The packages are written to target/package/npm, as .tgz files.
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

// What npm calls the platform of a target. Static binaries run with every C library, so these are what
// Linux gets.
const PLATFORMS = {
  "x86_64-unknown-linux-musl": ["linux", "x64"],
  "aarch64-unknown-linux-musl": ["linux", "arm64"],
  "x86_64-apple-darwin": ["darwin", "x64"],
  "aarch64-apple-darwin": ["darwin", "arm64"],
};
const LICENCES = ["LICENSE-MIT", "LICENSE-APACHE"];
const THIRD_PARTY = "LICENSES-THIRD-PARTY.txt";

function fail(message) {
  console.error(message);
  process.exit(2);
}

const archives = process.argv.slice(2);
let scope = "@owner";
if (archives[0] === "--scope") [, scope] = archives.splice(0, 2);
if (archives.length === 0) fail("usage: node packaging/npm/stage.js [--scope @owner] ARCHIVE…");

const top = path.resolve(__dirname, "../..");
const out = path.join(top, "target/package/npm");
const version = execFileSync(path.join(top, "packaging/version.sh"), { encoding: "utf8" }).trim();
const main = JSON.parse(fs.readFileSync(path.join(__dirname, "package.json"), "utf8"));
main.name = `${scope}/loadgen`;
main.version = version;
main.optionalDependencies = {};

// Writes a package.json, and packs its folder.
function pack(folder, manifest) {
  fs.writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  execFileSync("npm", ["pack", "--silent", "--pack-destination", out], { cwd: folder, stdio: "inherit" });
}

// Returns what npm calls the platform of an archive.
function platformOf(archive) {
  const target = path.basename(archive, ".tar.gz").replace(`loadgen-${version}-`, "");
  const known = Object.keys(PLATFORMS).join(", ");
  return PLATFORMS[target] ?? fail(`${archive} is not loadgen ${version} for one of ${known}`);
}

const platforms = archives.map(platformOf);
fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(out, { recursive: true });
for (const [at, archive] of archives.entries()) {
  const [os, cpu] = platforms[at];
  const tree = path.basename(archive, ".tar.gz");
  const folder = path.join(out, `${os}-${cpu}`);
  fs.mkdirSync(path.join(folder, "bin"), { recursive: true });
  execFileSync("tar", ["--extract", "--gzip", "--file", path.resolve(archive), "--directory", folder]);
  fs.renameSync(path.join(folder, tree, "loadgen"), path.join(folder, "bin/loadgen"));
  for (const file of [...LICENCES, THIRD_PARTY]) {
    fs.renameSync(path.join(folder, tree, file), path.join(folder, file));
  }
  fs.rmSync(path.join(folder, tree), { recursive: true });

  const name = `${main.name}-${os}-${cpu}`;
  pack(folder, {
    name,
    version,
    description: `${main.description} (${os} ${cpu})`,
    license: main.license,
    os: [os],
    cpu: [cpu],
    files: ["bin", ...LICENCES, THIRD_PARTY],
  });
  main.optionalDependencies[name] = version;
}

const folder = path.join(out, "main");
fs.cpSync(path.join(__dirname, "bin"), path.join(folder, "bin"), { recursive: true });
for (const file of ["README.md", ...LICENCES]) fs.copyFileSync(path.join(top, file), path.join(folder, file));
pack(folder, main);
