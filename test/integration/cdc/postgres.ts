/** A PostgreSQL of the test's own: a fresh cluster on a free port, and `psql` to speak to it. */
import { execFile } from 'node:child_process';
import { access, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../../../src/lab/kafka-broker/java-process.ts';
import { ServerProcess } from './server-process.ts';

const execute = promisify(execFile);
const PASSWORD = 'superuser';
/** Where Debian has it. */
const DEBIAN = '/usr/lib/postgresql';

export class Postgres {
  readonly port: number;
  readonly #folder: string;
  readonly #server: ServerProcess;

  private constructor(port: number, folder: string, server: ServerProcess) {
    this.port = port;
    this.#folder = folder;
    this.#server = server;
  }

  static async start(): Promise<Postgres> {
    const bin = await findBinaries();
    const user = await unprivileged();
    const [port = 0] = await freePorts(1);
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-postgres-'));
    if (user !== undefined) await chown(folder, user.uid, user.gid);
    await writeFile(join(folder, 'password'), PASSWORD);
    const data = join(folder, 'data');
    const initial = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${join(folder, 'password')}`, '-N'];
    await execute(join(bin, 'initdb'), initial, { cwd: folder, ...user });
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      wal_level: 'logical',
      fsync: 'off',
      max_connections: '200',
      // One of each for every connector.
      max_wal_senders: '40',
      max_replication_slots: '40',
    };
    const server = new ServerProcess({
      name: 'PostgreSQL',
      command: join(bin, 'postgres'),
      parameters: [
        '-D',
        data,
        '-p',
        String(port),
        ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
      ],
      folder,
      ...(user !== undefined && { user }),
    });
    await server.said('database system is ready to accept connections');
    return new Postgres(port, folder, server);
  }

  /** As the superuser; several statements are one transaction. Lines as `psql -At` prints them. */
  async run(database: string, sql: string): Promise<readonly string[]> {
    const connection = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', '-d', database];
    const psql = execute('psql', [...connection, '-X', '-q', '-A', '-t', '-1', '-v', 'ON_ERROR_STOP=1', '-f', '-'], {
      env: { ...process.env, PGPASSWORD: PASSWORD },
      maxBuffer: 1 << 26,
    });
    psql.child.stdin?.end(sql);
    const { stdout } = await psql;
    return stdout.split('\n').filter((line) => line !== '');
  }

  async createDatabase(name: string): Promise<void> {
    const connection = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres'];
    const env = { ...process.env, PGPASSWORD: PASSWORD };
    await execute('psql', [...connection, '-X', '-q', '-c', `CREATE DATABASE ${name}`], { env });
  }

  async stop(): Promise<void> {
    await this.#server.end('SIGINT');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** PostgreSQL refuses to run as root. */
async function unprivileged(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = async (flag: '-u' | '-g', name: string) => Number((await execute('id', [flag, name])).stdout);
  const name = await idOf('-u', 'postgres').then(
    () => 'postgres',
    () => 'nobody',
  );
  return { uid: await idOf('-u', name), gid: await idOf('-g', name) };
}

async function findBinaries(): Promise<string> {
  const versions = await readdir(DEBIAN).catch(() => []);
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(DEBIAN, version, 'bin'));
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...newestFirst]) {
    const found = await Promise.all(['initdb', 'postgres'].map((name) => access(join(folder, name)))).catch(() => null);
    if (found !== null) return folder;
  }
  throw new Error(
    'There is no PostgreSQL on this machine (initdb, postgres); Debian, Ubuntu: apt-get install postgresql',
  );
}
