import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/free-port.ts';

// Debian's are not in the path of every user.
const path = { PATH: `${process.env.PATH ?? ''}:/usr/sbin` };

const isInstalled = (program: string) => spawnSync(program, ['-v'], { env: path }).status === 0;

export const areInstalled = isInstalled('nginx') && isInstalled('haproxy');

/** A running proxy. */
export interface RunningProxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts nginx with these directives in its `server` block. */
export async function startNginx(server: string): Promise<RunningProxy> {
  const { folder, port } = await place();
  const config = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  await writeFile(
    config,
    `daemon off;
pid ${folder}/pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port};
    ${server}
  }
}
`,
  );
  return run('nginx', ['-c', config, '-p', folder], folder, port);
}

/** The directives of nginx for a server at this URL, as its documentation has them for WebSockets. */
export const proxyPass = (url: string, address = '$proxy_add_x_forwarded_for') => `proxy_pass ${url};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-For "${address}";`;

/** Starts HAProxy with these lines in its `backend`, and `frontend` ones. */
export async function startHaproxy(backend: readonly string[], frontend: readonly string[] = []): Promise<RunningProxy> {
  const { folder, port } = await place();
  const config = join(folder, 'haproxy.cfg');
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}\n`).join('');
  await writeFile(
    config,
    `defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
frontend public
  bind 127.0.0.1:${port}
  default_backend fieldgate
${indented(frontend)}backend fieldgate
${indented(backend)}`,
  );
  return run('haproxy', ['-db', '-f', config], folder, port);
}

async function place() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-proxy-'));
  await chmod(folder, 0o755);
  return { folder, port: await freePort() };
}

async function run(program: string, words: readonly string[], folder: string, port: number): Promise<RunningProxy> {
  const child = spawn(program, words, { env: path, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`${program} exited: ${errors}`);
    await sleep(20);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { url, stop };
}

const answers = (url: string) =>
  fetch(url).then(
    () => true,
    () => false,
  );
