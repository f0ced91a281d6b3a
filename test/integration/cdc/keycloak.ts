/** A Keycloak of the test's own, and its admin API: groups, users and who is in which. */
import { freePorts } from '../../../src/lab/kafka-broker/java-process.ts';
import { fetchKeycloak } from './artifacts.ts';
import type { Postgres } from './postgres.ts';
import { ServerProcess } from './server-process.ts';

const REALM = 'company';
const ADMIN = 'admin';

export interface Realm {
  readonly groups: readonly { readonly id: string; readonly name: string }[];
  readonly users: readonly { readonly id: string; readonly username: string; readonly email: string }[];
}

export class Keycloak {
  readonly home: string;
  readonly url: string;
  readonly #server: ServerProcess;
  #token: Promise<string> | null = null;

  private constructor(home: string, url: string, server: ServerProcess) {
    this.home = home;
    this.url = url;
    this.#server = server;
  }

  /** Makes its tables in the database `keycloak`, which must be there and empty. */
  static async start(postgres: Postgres): Promise<Keycloak> {
    const home = await fetchKeycloak();
    await postgres.createDatabase('keycloak');
    await postgres.run(
      'postgres',
      `CREATE ROLE keycloak LOGIN PASSWORD 'keycloak'; ALTER DATABASE keycloak OWNER TO keycloak`,
    );
    const [http = 0, management = 0] = await freePorts(2);
    const options = {
      'http-enabled': 'true',
      'http-host': '127.0.0.1',
      'http-port': String(http),
      'http-management-port': String(management),
      'hostname-strict': 'false',
      cache: 'local',
      'db-url': `jdbc:postgresql://127.0.0.1:${postgres.port}/keycloak`,
      'db-username': 'keycloak',
      'db-password': 'keycloak',
    };
    const server = new ServerProcess({
      name: 'Keycloak',
      command: `${home}/bin/kc.sh`,
      parameters: ['start', '--optimized', ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)],
      folder: home,
      environment: {
        KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN,
        KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN,
        JAVA_OPTS_KC_HEAP: '-Xms256m -Xmx512m',
        JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
      },
    });
    await server.said('Listening on:');
    return new Keycloak(home, `http://127.0.0.1:${http}`, server);
  }

  stop(): Promise<void> {
    return this.#server.kill();
  }

  async createRealm({ groups, users }: Realm): Promise<void> {
    const enabled = users.map((user) => ({ ...user, enabled: true }));
    await this.#ask('POST', '', { realm: REALM, enabled: true, organizationsEnabled: true, groups, users: enabled });
  }

  join(user: string, group: string): Promise<unknown> {
    return this.#ask('PUT', `/${REALM}/users/${user}/groups/${group}`);
  }

  leave(user: string, group: string): Promise<unknown> {
    return this.#ask('DELETE', `/${REALM}/users/${user}/groups/${group}`);
  }

  deleteGroup(group: string): Promise<unknown> {
    return this.#ask('DELETE', `/${REALM}/groups/${group}`);
  }

  deleteUser(user: string): Promise<unknown> {
    return this.#ask('DELETE', `/${REALM}/users/${user}`);
  }

  /** The members of an organization are rows of the same table as those of a group. */
  async createOrganization(name: string, member: string): Promise<void> {
    const domains = [{ name: `${name}.example` }];
    await this.#ask('POST', `/${REALM}/organizations`, { name, alias: name, enabled: true, domains });
    const [made] = (await this.#ask('GET', `/${REALM}/organizations?search=${name}`)) as readonly { id: string }[];
    await this.#ask('POST', `/${REALM}/organizations/${made?.id}/members`, member);
  }

  /** A token of the master realm lives for a minute, so a refused request asks for another one. */
  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      const token = await (this.#token ??= this.#login());
      const response = await fetch(`${this.url}/admin/realms${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.ok) return text === '' ? null : JSON.parse(text);
      if (response.status !== 401 || attempt === 3) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      this.#token = null;
    }
  }

  async #login(): Promise<string> {
    const response = await fetch(`${this.url}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'admin-cli', grant_type: 'password', username: ADMIN, password: ADMIN }),
    });
    const { access_token: token } = (await response.json()) as { access_token: string };
    return token;
  }
}
