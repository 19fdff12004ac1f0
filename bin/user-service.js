#!/usr/bin/env node
'use strict';
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { spawnSync } = require('node:child_process');

const root = join(__dirname, '..');
const entry = join(root, 'dist', 'src', 'cli.js');
const sources = ['src', 'migrations'].map((name) => join(root, name));

function changedAt(folder) {
  const entries = readdirSync(folder, { recursive: true });
  return Math.max(...entries.map((name) => statSync(join(folder, name)).mtimeMs));
}

// A checkout is built on its first start and after every change. The image has no sources and is always built.
const isCheckout = sources.every(existsSync);
if (isCheckout && (!existsSync(entry) || sources.some((it) => changedAt(it) > statSync(entry).mtimeMs))) {
  const built = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (built.status !== 0) process.exit(1);
}
require(entry);
