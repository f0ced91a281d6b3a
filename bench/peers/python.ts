/** A virtual environment with what the peer in Python imports, made once per list of requirements. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Program } from '../world/measured-process.ts';
import { BUILD_DIRECTORY, exists, projectPath, runTool, type PeerContext } from './setup.ts';

const REQUIREMENTS = projectPath('bench/peers/python/requirements.txt');
const SCRIPT = projectPath('bench/peers/python/seed.py');

/** @throws SetupError */
export async function preparePython({ logger }: Pick<PeerContext, 'logger'>): Promise<Program> {
  const hash = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex')
    .slice(0, 12);
  const home = join(BUILD_DIRECTORY, `python-${hash}`);
  const python = join(home, 'bin', 'python');
  if (!(await exists(python))) {
    logger.info({ directory: home }, 'installing what the peer in Python needs (once)');
    await install(home);
  }
  return { file: python, args: [SCRIPT] };
}

/** Renamed when it is complete; the interpreter in it finds its packages by its own place. */
async function install(home: string): Promise<void> {
  await mkdir(BUILD_DIRECTORY, { recursive: true });
  const draft = await mkdtemp(join(BUILD_DIRECTORY, '.python-'));
  try {
    await makeEnvironment(draft);
    await installPackages(join(draft, 'bin', 'python'));
    await rename(draft, home);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const pythonMissing = {
  problem: 'The peer in Python needs Python 3.10 or later with venv.',
  remedy: 'Install it (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python).',
};

const makeEnvironment = (home: string): Promise<void> =>
  runTool('python3', ['-m', 'venv', home], {
    missing: pythonMissing,
    failed: { ...pythonMissing, problem: 'Python cannot make a virtual environment' },
  });

const installPackages = (python: string): Promise<void> =>
  runTool(
    python,
    ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--only-binary', ':all:', '-r', REQUIREMENTS],
    {
      missing: pythonMissing,
      failed: {
        problem: 'pip cannot install what the peer in Python needs',
        remedy: 'Check that PyPI can be reached, or name a mirror in PIP_INDEX_URL.',
      },
    },
  );
