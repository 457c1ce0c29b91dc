/** Private keys of published test vectors (RFC 8032 §7.1, RFC 8037 appendix A), which are copied from examples. */
const publishedKeys = new Set([
  '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
  'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
]);

// 32 random bytes have 30 different values on average; fewer than 20 in one of 10^15 keys, where text, repetitions and zeros have few.
const minDifferentBytes = 20;

/** False if a key of 32 bytes is zeros, a repetition, a sequence, text, or published: it was not generated for this server. */
export function isRandom(key: Buffer): boolean {
  if (key.length !== 32 || publishedKeys.has(key.toString('hex'))) return false;
  const isText = key.every((byte) => byte >= 0x20 && byte < 0x7f);
  const differences = new Set(key.subarray(1).map((byte, index) => byte - (key[index] ?? 0)));
  return !isText && differences.size > 4 && new Set(key).size >= minDifferentBytes;
}
