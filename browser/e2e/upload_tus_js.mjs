// Uploads a file with tus-js-client (https://github.com/tus/tus-js-client) as it comes from npm; prints the upload's address.
// `node upload_tus_js.mjs ENDPOINT FILE CHUNK`, with the session's cookie and form token in UPLOAD_COOKIE and UPLOAD_TOKEN.
import { readFileSync } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, file, chunk] = process.argv.slice(2);
const upload = new Upload(readFileSync(file), {
  endpoint,
  chunkSize: Number(chunk),
  metadata: { filename: "bid.sealed" },
  headers: { Cookie: process.env.UPLOAD_COOKIE, "X-CSRF-Token": process.env.UPLOAD_TOKEN },
  retryDelays: [100, 200, 200, 200, 200, 200, 200, 500, 500, 500],
  onError: (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
