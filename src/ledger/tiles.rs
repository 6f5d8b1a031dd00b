//! The names and bodies under which the log is served (C2SP tlog-tiles): tile paths and entry bundles.

use super::tree::{self, TILE_WIDTH};

/// Highest tile level that has a name.
pub const MAX_LEVEL: u8 = 63;

/// A resource of the log below its prefix, other than the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `tile/<L>/<N>[.p/<W>]`: hashes.
    Tile { level: u8, index: u64, width: u16 },
    /// `tile/entries/<N>[.p/<W>]`: the entries under a tile of level 0.
    Entries { index: u64, width: u16 },
}

impl Resource {
    /// The path below the log's prefix, without a leading slash.
    pub fn path(&self) -> String {
        let (place, index, width) = match self {
            Self::Tile { level, index, width } => (level.to_string(), index, width),
            Self::Entries { index, width } => ("entries".into(), index, width),
        };
        let suffix = if u64::from(*width) == TILE_WIDTH { String::new() } else { format!(".p/{width}") };
        format!("tile/{place}/{}{suffix}", index_path(*index))
    }

    /// Reads a path; `None` for anything that [`Resource::path`] does not write.
    pub fn parse(path: &str) -> Option<Self> {
        let (place, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (parse_index(index)?, parse_width(width)?),
            None => (parse_index(rest)?, 256),
        };
        if place == "entries" {
            return Some(Self::Entries { index, width });
        }
        let level: u8 = place.parse().ok()?;
        let plain = level <= MAX_LEVEL && level.to_string() == place;
        plain.then_some(Self::Tile { level, index, width })
    }

    /// Whether it is full: it never changes, and it is needed as long as the log is.
    pub fn is_full(&self) -> bool {
        let (Self::Tile { width, .. } | Self::Entries { width, .. }) = self;
        u64::from(*width) == TILE_WIDTH
    }

    /// Whether a log of `size` leaves has this resource now or had it at a smaller size.
    pub fn exists_at(&self, size: u64) -> bool {
        let (level, index, width) = match *self {
            Self::Tile { level, index, width } => (level, index, width),
            Self::Entries { index, width } => (0, index, width),
        };
        width > 0 && width <= tree::width_of(level, index, size)
    }
}

/// 1234067 as `x001/x234/067`.
fn index_path(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

fn parse_index(path: &str) -> Option<u64> {
    let mut index: u64 = 0;
    let mut groups = path.split('/').peekable();
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    (index_path(index) == path).then_some(index)
}

fn parse_width(text: &str) -> Option<u16> {
    let width: u16 = text.parse().ok()?;
    ((1..256).contains(&width) && width.to_string() == text).then_some(width)
}

/// An entry bundle: every entry behind its length as two bytes, big end first. `None` if an entry is longer than
/// 65,535 bytes.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for entry in entries {
        out.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Some(out)
}

/// The entries of a bundle; `None` if it is cut short or has more than 256.
pub fn parse_bundle(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    (entries.len() as u64 <= TILE_WIDTH).then_some(entries)
}
