/** The widenings that the maintainer has approved since a commit: docs/access-widenings.md as data. */
export interface Approvals {
  /** The commit to compare with by default. */
  readonly since: string | undefined;
  /** The coordinates that may be widened. */
  readonly coordinates: readonly string[];
}

/** Parses docs/access-widenings.md. Throws for a line of its list that approves nothing, such as one without a reason. */
export function readApprovals(text: string, name: string): Approvals {
  const items = text.split('\n').filter((line) => /^\s*[-*+] /.test(line));
  const coordinates = items.map((line) => {
    const coordinate = /^- `([^`]+)`: \S/.exec(line)?.[1];
    if (coordinate === undefined)
      throw new Error(`${name} has a line that approves nothing: ${line.trim()}. Write: - \`coordinate\`: why it is right.`);
    return coordinate;
  });
  return { since: /^Since: *(\S+)/m.exec(text)?.[1], coordinates };
}
