import { parseArgs } from 'node:util';
import { type Arguments, type Command, exitCodes } from './command.ts';
import { commands } from './commands.ts';

/** A command with its arguments. */
export interface Invocation {
  readonly name: string;
  readonly command: Command;
  readonly args: Arguments;
}

/** Undefined if the arguments are invalid. Never repeats an argument: it may be a password. */
export function parseInvocation(words: readonly string[]): Invocation | undefined {
  const parsed = parseWords(words);
  if (!parsed) return undefined;
  const { positionals, options, flags } = parsed;
  const [first = '', second = ''] = positionals;
  const name = [first, `${first} ${second}`].find((one) => Object.hasOwn(commands, one));
  const command = name === undefined ? undefined : commands[name];
  if (name === undefined || !command) return undefined;
  const args = { positionals: positionals.slice(name.split(' ').length), options, flags };
  const isValid =
    args.positionals.length === (command.positionals ?? []).length &&
    Object.keys(options).every((option) => command.options?.includes(option)) &&
    flags.every((flag) => command.flags?.includes(flag));
  return isValid ? { name, command, args } : undefined;
}

function parseWords(words: readonly string[]): Arguments | undefined {
  const all = Object.values(commands);
  const accepted = Object.fromEntries([
    ...all.flatMap(({ options = [] }) => options).map((name) => [name, { type: 'string' }] as const),
    ...all.flatMap(({ flags = [] }) => flags).map((name) => [name, { type: 'boolean' }] as const),
  ]);
  try {
    const { values, positionals } = parseArgs({ args: [...words], options: accepted, allowPositionals: true });
    const texts = Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    const flags = Object.entries(values).flatMap(([name, value]) => (value === true ? [name] : []));
    return { positionals, options: Object.fromEntries(texts), flags };
  } catch {
    return undefined;
  }
}

const column = 46; // where the descriptions begin

/** The help text, made from the table of commands. */
export const usage = () =>
  [
    'Usage: npm run admin -- <command>',
    '       npm run --silent admin -- <command>    prints nothing but the output of the command',
    '',
    ...Object.entries(commands).flatMap(([name, { positionals = [], options = [], flags = [], description = [] }]) => {
      const parameters = [
        ...positionals.map((one) => `<${one}>`),
        ...options.filter((one) => one !== 'as').map((one) => `[--${one} …]`),
        ...flags.map((one) => `[--${one}]`),
      ];
      const syntax = `  ${[name, ...parameters].join(' ')}`;
      const [first = '', ...others] = description;
      const isLong = syntax.length >= column && first !== '';
      const lines = isLong ? [syntax, `${' '.repeat(column)}${first}`] : [`${syntax.padEnd(column)}${first}`.trimEnd()];
      return [...lines, ...others.map((line) => `${' '.repeat(column)}${line}`)];
    }),
    '',
    'The commands from `seed` on run as a superadmin. If there are several, choose one with --as <email>.',
    `Exit codes: ${exitCodes.done} success, or nothing to do; ${exitCodes.failed} failure, with the reason; ${exitCodes.invalidArguments} invalid arguments;`,
    `${exitCodes.unverifiedHead} the audit is unchanged, but the given head is too old to be verified.`,
  ].join('\n');
