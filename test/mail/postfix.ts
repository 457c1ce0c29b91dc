import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { freePort } from '../../bench/free-port.ts';

const command = '/usr/sbin/postfix'; // Debian's is not in the path of every user
const nobody = 65_534;

/** Postfix starts its parts as different users, so it has to be started by root. */
export const isInstalled = existsSync(command) && process.getuid?.() === 0;

const services = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;

/**
 * Starts a Postfix that stores emails to example.com, knows no mailbox that begins with `gone`, and relays to no other domain. Ends with the test file.
 */
export async function startPostfix() {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-postfix-'));
  await chmod(folder, 0o755);
  const [config, senders, mailboxes, inbox] = [
    join(folder, 'config'),
    join(folder, 'senders'),
    join(folder, 'mailboxes'),
    join(folder, 'mail'),
  ];
  for (const path of [config, inbox, join(folder, 'queue'), join(folder, 'data')]) await mkdir(path);
  await chown(inbox, nobody, nobody);
  await writeFile(senders, '');
  await writeFile(mailboxes, 'if !/^gone/\n/@example.com$/ inbox/\nendif\n');
  await writeFile(join(config, 'master.cf'), `127.0.0.1:${port} inet n - n - - smtpd\n${services}`);
  await writeFile(
    join(config, 'main.cf'),
    `compatibility_level = 3.6
queue_directory = ${join(folder, 'queue')}
data_directory = ${join(folder, 'data')}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = ${join(folder, 'log')}
maillog_file_prefixes = ${folder}
myhostname = mail.example.test
inet_interfaces = 127.0.0.1
mynetworks = 192.0.2.1/32
mydestination =
local_recipient_maps =
virtual_mailbox_domains = example.com
virtual_mailbox_base = ${inbox}
virtual_mailbox_maps = regexp:${mailboxes}
virtual_uid_maps = static:${nobody}
virtual_gid_maps = static:${nobody}
smtpd_delay_reject = no
smtpd_sender_restrictions = check_sender_access regexp:${senders}
`,
  );
  spawnSync('chown', ['postfix', join(folder, 'data')]);
  const run = (verb: 'start' | 'stop' | 'reload') => {
    const { status, stderr } = spawnSync(command, ['-c', config, verb], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`postfix ${verb} failed: ${stderr}`);
  };
  run('start');
  let isRunning = true;
  afterAll(async () => {
    if (isRunning) run('stop');
    await rm(folder, { recursive: true });
  });
  const received = async () => {
    const files = await readdir(join(inbox, 'inbox', 'new')).catch(() => []);
    return Promise.all(files.map((file) => readFile(join(inbox, 'inbox', 'new', file), 'utf8')));
  };
  return {
    url: `smtp://127.0.0.1:${port}?ignoreTLS=true`,
    /** The text of each delivered email, headers included. */
    received,
    stop() {
      run('stop');
      isRunning = false;
    },
    start() {
      run('start');
      isRunning = true;
    },
    /** Rejects a sender permanently, or accepts it again. */
    async rejectSender(address: string | null) {
      await writeFile(senders, address ? `/^${address}$/ 554 5.7.1 not your address\n` : '');
      run('reload');
    },
  };
}
