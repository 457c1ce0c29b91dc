import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { openFolder } from '../database/data-folder.ts';

/** The version of this code. Both ends of the socket must have the same one. */
export const { version } = packageJson;

/** A command for a running server: the first line that the client sends, as JSON. */
export const request = z.strictObject({
  version: z.string(),
  words: z.array(z.string().max(10_000)).max(100),
  /** The input of the operator. */
  input: z.string(),
});

/** A line that the server sends, as JSON. The last one has the exit code. */
export type Response = { readonly out: string } | { readonly error: string } | { readonly exit: number };

export const toLine = (message: z.infer<typeof request> | Response) => `${JSON.stringify(message)}\n`;

const maxPathLength = 103; // bytes of sun_path without its last one: 104 on macOS and BSD, 108 on Linux

/** The Unix domain socket of a data folder. Windows has none that Node.js can listen on, so there commands need a stopped server. */
export interface AdminSocket {
  readonly path: string;
  /** Releases the folder. Call it when the socket is closed. */
  close(): void;
}

/**
 * Finds the socket. Throws an error that says why the server cannot execute commands. Other users must not be able to put another socket
 * there, to which a command would send a password.
 */
export async function openAdminSocket(folderName: string): Promise<AdminSocket> {
  const folder = openFolder(folderName);
  try {
    const path = join(folder.path, 'admin.sock');
    if (Buffer.byteLength(path) > maxPathLength)
      throw new Error(`The path ${path} is longer than the ${maxPathLength} bytes that a socket may have.`);
    const { mode } = await stat(`${folder.path}/.`);
    if (mode & 0o022)
      throw new Error(`Other users may write in ${folderName}, so the server executes no commands there: chmod go-w ${folderName}`);
    return { path, close: folder.close };
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** Throws an error that says why the server of this folder cannot execute commands, if so. */
export const requireAdminSocket = async (folderName: string) => (await openAdminSocket(folderName)).close();
