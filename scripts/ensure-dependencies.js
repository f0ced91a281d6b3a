/**
 * Installs what package-lock.json names where it is missing, so that `npm run demo` and `npm test` work on a fresh clone.
 * Runs before anything is installed: plain JavaScript without dependencies, in syntax that old versions of Node can read.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

requireNode(20, 19);
const missing = missingPackages();
if (missing.length > 0) install(missing);

function requireNode(major, minor) {
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  process.stderr.write(`Rollcall needs Node ${major}.${minor} or newer; this is Node ${process.versions.node}.\n`);
  process.exit(1);
}

/** npm writes down what it has installed in node_modules/.package-lock.json, in the shape of package-lock.json. */
function missingPackages() {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted)
    .filter(([path, { optional }]) => path !== '' && !optional)
    .filter(([path, { version }]) => installed[path]?.version !== version || !existsSync(join(root, path)))
    .map(([path]) => path);
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
}

function install(packages) {
  process.stderr.write(`Installing dependencies (${packages.length} missing or out of date) …\n`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, error } = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  process.stderr.write(`The dependencies could not be installed${error ? ` (${error.message})` : ''}; see above.\n`);
  process.exit(1);
}
