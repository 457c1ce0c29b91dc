import { globSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

/** Words and phrases that are not used in any text of the project, and what to write instead. */
const banned: [pattern: RegExp, suggestion: string][] = [
  [/\bwho(?:m)?ever\b/i, 'name the actor: "the caller", "users who"'],
  [/\bsomebody\b/i, '"a user", "another user", "someone"'],
  [/\bnobody\b(?! noreply)/i, '"no one", "no user", "anonymous callers"'],
  [/\banybody\b/i, '"anyone", "any caller"'],
  [/\beverybody\b(?! everyone)/i, '"everyone", "all users"'],
  [/\bwhom\b/i, 'rephrase: "users who", "the recipient"'],
  [/, of which\b|\bof which the\b/i, 'start a new sentence'],
  [/\b(?:what|that) (?:comes?|came|becomes?|became) of\b/i, '"the result of", "what happens to", "the payload of"'],
  [/\bknows? of\b/i, '"can see"'],
  [/\bas far as\b/i, '"if", "only where", "within"'],
  [/\bunless (?:said|told|asked)\b/i, '"Defaults to …"'],
  [/\b(?:be|been|is|are|was|were) said\b/i, '"be set", "is given"'],
  [/\bbesides\b/i, '"in addition to", "also"'],
  [/\bof (?:its|our|their|your) own\b(?! (?!and|or|for|in|to|is|that|which|with|on|at|by|as)\w)/i, '"its own …", "a separate …"'],
  [/\bof (?:ours|theirs|yours)\b/i, '"our …", "their …"'],
  [/\bat hand\b/i, '"already loaded", "available"'],
  [/\bgood for nothing\b/i, '"invalid", "unusable"'],
  [/\bfor good\b/i, '"permanently"'],
  [/\b(?:take|takes|took|taken|taking) down\b/i, '"records", "stores"'],
  [/\btold\b/i, '"notified", "returned", "shown"'],
  [/\bletters?\b(?!-|.*\b(?:digits?|cases?|ascii|alphabet|characters?|uppercase|lowercase)\b)/i, '"email"'],
  [/\b(?:e-mails?|e-mailed|e-mailing)\b/i, '"email"'],
  [/\bshuts?\b(?! down)/i, '"disable", "close"'],
  [/\b(?:hears?|heard|hearing)\b/i, '"receive", "is notified"'],
  [/\bbeats?\b/i, '"heartbeat"'],
  [/\b(?:is|are|was|be|been) let\b|\blet be\b/i, '"is allowed to", "is ignored"'],
  [/\b(?:sign|signs|signed|signing) in\b(?! (?:\d|one |advance))/i, '"log in", "authenticated"'],
  [/\b(?:un)?proven\b|\bproves? again\b/i, '"confirmed", "verified", "tested"'],
  [/\b(?:goes|go|going|went|gone) on\b/i, '"continues", "resumes"'],
  [/\b(?:take|takes|took|taken|taking) (?:the|its|their) place\b/i, '"replaces"'],
  [/\b(?:pass|passes|passed|passing) (?:(?:it|them) )?on\b/i, '"delegate", "forward"'],
  [/\b(?:get|gets|got|getting) at\b/i, '"reaches"'],
  [/\bvouch(?:es|ed)?\b/i, '"confirms"'],
  [/\bin force\b/i, '"active"'],
  [/(?<!drift )\bapart\b(?! from)/i, '"separate", "separately"'],
  [/\bstrangers?\b/i, '"third party", "attacker", "another user"'],
  [/\bwake-ups?\b/i, '"notification"'],
  [/\bunder way\b/i, '"in progress", "in flight"'],
  [/\b(?:anew|in vain|naught|nought|lest|thence|thereof|therein|hither|henceforth|hereby|moot)\b/i, 'use a modern word'],
  [/\bsuch thing\b/i, 'name the thing'],
  [/\b(?:doors?|the ground|census|post office|askers?|atoms?)\b/i, 'use the standard term of docs/architecture.md'],
];

/** Descriptions of the schema name the thing; a relative clause does not. */
const bannedInDescriptions: [pattern: RegExp, suggestion: string][] = [
  [/(?<=(?:"{1,3}|\/\/\/)\s*)(?:What|Which|Whether|Who|Whose|How|Where|When)\b/, 'a noun phrase, "True if …", or a third-person verb'],
];

const everything = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'schema.graphql',
  'prisma/schema.prisma',
  'docs/**/*.md',
  'examples/**/*.{md,ts}',
  'packages/*/*.md',
  'packages/*/{src,examples,test}/**/*.ts',
  '{src,scripts,bench,soak,test}/**/*.ts',
];

const generated = /(?:^|\/)(?:node_modules|generated)\//;
const thisFile = /(?:^|\/)(?:scripts\/words|test\/cli\/words\.test)\.ts$/; // they have to name what is banned
const testFile = /\.test\.ts$|(?:^|\/)test\//;

/** One word that should not be there. */
interface Finding {
  readonly file: string;
  readonly line: number;
  readonly word: string;
  readonly suggestion: string;
}

const findings = filesOf(process.argv.slice(2)).flatMap(check);
for (const { file, line, word, suggestion } of findings) console.log(`${file}:${line}: "${word}": write ${suggestion}`);
if (findings.length > 0) console.error(`${findings.length} words to replace`);
process.exitCode = findings.length > 0 ? 1 : 0;

/** The files named by the arguments, which may be folders; without arguments every file with text for people. */
function filesOf(paths: string[]): string[] {
  const within = (path: string) =>
    statSync(path).isDirectory() ? globSync(`${path.replace(/\/$/, '')}/**/*.{ts,md,graphql,prisma}`) : [path];
  const files = paths.length > 0 ? paths.flatMap(within) : everything.flatMap((pattern) => globSync(pattern));
  return [...new Set(files)].filter((file) => !generated.test(file) && !thisFile.test(file)).sort();
}

function check(file: string): Finding[] {
  const text = proseOf(file, readFileSync(resolve(file), 'utf8'));
  const rules = /\.(?:graphql|prisma)$/.test(file) ? [...banned, ...bannedInDescriptions] : banned;
  const lineAt = (index: number) => text.slice(0, index).split('\n').length;
  return rules
    .flatMap(([pattern, suggestion]) =>
      [...text.matchAll(new RegExp(pattern, `${pattern.flags}g`))].map(({ 0: word, index }) => ({
        file,
        line: lineAt(index),
        word,
        suggestion,
      })),
    )
    .sort((one, other) => one.line - other.line);
}

/** The text of a file that people read; everything else is replaced by blanks, so that line numbers stay. */
function proseOf(file: string, source: string): string {
  if (file.endsWith('.md')) return source.replace(/^ *(`{3,})[^`\n]*\n[\s\S]*?^ *\1 *$|`[^`\n]+`|\]\([^)\n]*\)|https?:\/\/\S+/gm, blank);
  if (file.endsWith('.ts')) return testFile.test(file) ? titlesOf(source) : commentsAndStringsOf(source);
  if (file.endsWith('.prisma')) return onlyMatches(source, /\/\/.*/g);
  return onlyMatches(source, /"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|#.*/g);
}

/** The titles of tests: the first argument of `describe`, `it` and `test`. */
function titlesOf(source: string): string {
  return onlyMatches(
    source,
    /(?<=\b(?:describe|it|test)(?:\.\w+)?(?:\((?:[^()]|\([^()]*\))*\))?\(\s*)(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`[^`]*`)/g,
  );
}

/** Comments and string literals. Import paths and regular expressions are neither. */
function commentsAndStringsOf(source: string): string {
  const tokens =
    /(?<code>\bfrom '[^'\n]*'|\bimport\(?\s*'[^'\n]*'|(?<=[=(,:?&|!]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*)|\/\/.*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
  return onlyMatches(source, tokens);
}

function onlyMatches(source: string, pattern: RegExp): string {
  let kept = '';
  let end = 0;
  for (const match of source.matchAll(pattern)) {
    kept += blank(source.slice(end, match.index));
    kept += match.groups?.code === undefined ? match[0] : blank(match[0]);
    end = match.index + match[0].length;
  }
  return kept + blank(source.slice(end));
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
