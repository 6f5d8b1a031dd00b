/** Reads the HLS playlists that our own server writes (RFC 8216, the few tags of `src/recording/playlist.rs`). */

/** One segment on the time of day. */
export interface Piece {
  /** Server time at which it begins, milliseconds since 1970. */
  readonly at: number;
  /** Length in seconds. */
  readonly length: number;
  readonly url: string;
  /** The init section that it needs. */
  readonly init: string;
}

/** What a playlist says. */
export interface Playlist {
  readonly pieces: readonly Piece[];
  /** No more will follow. */
  readonly ended: boolean;
}

/** Parses a playlist; `base` is its own address, against which its URLs are relative. */
export function parsePlaylist(text: string, base: string): Playlist {
  const pieces: Piece[] = [];
  let init = "";
  let at = 0;
  let length = 0;
  let ended = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXT-X-MAP:")) init = new URL(/URI="([^"]+)"/.exec(line)?.[1] ?? "", base).href;
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) at = Date.parse(line.slice(line.indexOf(":") + 1));
    else if (line.startsWith("#EXTINF:")) length = Number.parseFloat(line.slice(8));
    else if (line === "#EXT-X-ENDLIST") ended = true;
    else if (line !== "" && !line.startsWith("#")) {
      pieces.push({ at, length, url: new URL(line, base).href, init });
      at += length * 1000;
    }
  }
  return { pieces, ended };
}

/** The piece that plays at `at`, or the next one after it; undefined after the last. */
export function pieceAt(pieces: readonly Piece[], at: number): Piece | undefined {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const piece = pieces[middle] as Piece;
    if (piece.at + piece.length * 1000 <= at) low = middle + 1;
    else high = middle;
  }
  return pieces[low];
}

/** Whether a piece plays at `at`. */
export function covers(piece: Piece | undefined, at: number): boolean {
  return piece !== undefined && piece.at <= at + 250 && at < piece.at + piece.length * 1000;
}
