/**
 * Shamir's secret sharing over GF(2^8) with the AES polynomial 0x11b, with coefficients handed in, because the
 * envelope format derives them (so that opening can recompute every share). A share is x, then the values.
 */
import { type Bytes, concat } from "../bytes/bytes";

/** Product in GF(2^8) modulo x^8+x^4+x^3+x+1, without a branch or a table lookup on the values. */
export function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = ((product << 1) ^ (-(product >> 7) & 0x11b)) & 0xff;
    product ^= -((b >> bit) & 1) & a;
  }
  return product & 0xff;
}

/** The inverse a^254; 0 for 0. */
export function inverse(a: number): number {
  let power = a;
  let result = 1;
  for (let i = 0; i < 7; i++) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}

/**
 * Shares for trustees 1..`count`. `coefficients` holds the blocks of degree 1, 2, … one after the other, each as
 * long as the secret, so the threshold is one more than the number of blocks.
 */
export function split(secret: Uint8Array, coefficients: Uint8Array, count: number): Bytes[] {
  if (secret.length === 0 || coefficients.length % secret.length !== 0) throw new Error("coefficients do not fit the secret");
  const threshold = coefficients.length / secret.length + 1;
  if (threshold < 2 || count < threshold || count > 32) throw new Error("the threshold must be between 2 and the number of trustees, at most 32");
  return Array.from({ length: count }, (_, i) => {
    const x = i + 1;
    // Horner's rule from the highest degree down.
    let values = new Uint8Array(secret.length);
    for (let degree = threshold - 1; degree >= 1; degree--) {
      const block = coefficients.subarray((degree - 1) * secret.length, degree * secret.length);
      values = values.map((value, j) => multiply(value ^ block[j]!, x));
    }
    return concat(Uint8Array.of(x), values.map((value, j) => value ^ secret[j]!));
  });
}

/** The secret that these shares agree on: right only if at least the threshold of them are right. */
export function combine(shares: readonly Uint8Array[]): Bytes {
  const points = shares.map((share) => share[0] ?? 0);
  if (points.some((x) => x === 0) || new Set(points).size !== points.length) throw new Error("shares need different places, none of them 0");
  const length = shares[0]?.length ?? 0;
  if (length < 2 || shares.some((share) => share.length !== length)) throw new Error("shares differ in length");
  const secret = new Uint8Array(length - 1);
  shares.forEach((share, i) => {
    let weight = 1;
    points.forEach((x, j) => {
      if (j !== i) weight = multiply(weight, multiply(x, inverse(x ^ points[i]!)));
    });
    for (let k = 0; k < secret.length; k++) secret[k]! ^= multiply(share[k + 1]!, weight);
  });
  return secret;
}
