import { Transform } from 'node:stream';

const unknownSetting = /^SET transaction_timeout = 0;\n/m;
const endOfHeader = `set_config('search_path'`; // pg_restore writes it after its settings, and before the content
const maxHeader = 64 * 1024; // bytes

/** Removes what `pg_restore` of version 17 or later sets, and a server before 17 rejects, from the beginning of its script. The content passes as it is. */
export function withoutNewerSettings(): Transform {
  let header: Buffer | undefined = Buffer.alloc(0);
  const release = () => {
    const text = (header as Buffer).toString('latin1').replace(unknownSetting, ''); // keeps every byte
    header = undefined;
    return Buffer.from(text, 'latin1');
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!header) return done(null, chunk);
      header = Buffer.concat([header, chunk]);
      if (!header.includes(endOfHeader) && header.length < maxHeader) return done();
      done(null, release());
    },
    flush(done) {
      if (header) this.push(release());
      done();
    },
  });
}
