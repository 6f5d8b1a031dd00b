/** Base64 with padding (RFC 4648 section 4), the form of `Content-Digest`. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
