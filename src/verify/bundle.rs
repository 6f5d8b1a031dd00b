//! One evidence bundle: a table of contents, small documents that are read whole, and large files (ciphertexts,
//! recordings) that are hashed as they stream by.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::container::{self, Archive, ContainerError, Member, Stretch, Writer};
use super::findings::Findings;
use super::parallel::side_by_side;
use crate::ledger::tree::Hash;
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::{b64u, finish, sha256};
use crate::platform::moment::Moment;
use crate::sealing::stream;

/// `typ` of the table of contents.
pub const BUNDLE_TYPE: &str = "sunbid/evidence/v1";
/// Name of the table of contents, always the first member.
pub const CONTENTS: &str = "bundle.json";
/// Largest single document.
const DOCUMENT_MAX: u64 = 256 << 20;
/// Largest table of contents and largest sum of all documents.
const DOCUMENTS_MAX: u64 = 2 << 30;

/// How a listed file is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alg {
    /// SHA-256 of the bytes.
    #[serde(rename = "sha256")]
    Sha256,
    /// RFC 6962 root over slices of 1 MiB, as in a bid's manifest.
    #[serde(rename = "slices")]
    Slices,
}

/// One line of the table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub alg: Alg,
    /// Base64url of the 32 bytes.
    pub hash: String,
    pub path: String,
    /// Bytes, in decimal.
    pub size: String,
}

/// The table of contents, `bundle.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// All other members, in order.
    pub files: Vec<Listed>,
    /// The lot's id in the events of the log.
    pub id: String,
    /// Verifier key of the log.
    pub key: String,
    /// Number of the lot.
    pub lot: String,
    /// When the bundle was made, by the server's clock.
    pub made: Moment,
    /// Name of the log.
    pub origin: String,
    /// Public number of the tender.
    pub tender: String,
    pub typ: String,
}

/// What a bundle is about; the rest of [`Contents`] follows from the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub origin: String,
    pub key: String,
    pub tender: String,
    pub lot: String,
    /// The lot's id in the events of the log.
    pub id: String,
    pub made: Moment,
}

/// Whether `path` is a large file, hashed but not kept in memory.
fn is_large(path: &str) -> bool {
    path.starts_with("media/") || path.ends_with("/ciphertext")
}

fn alg_of(path: &str) -> Alg {
    if path.ends_with("/ciphertext") { Alg::Slices } else { Alg::Sha256 }
}

/// A file on its way into a bundle.
pub enum Part {
    Document(Vec<u8>),
    /// A large file that is read twice: once for its hash, once for its bytes.
    Large(Box<dyn Fn() -> io::Result<Box<dyn Read>>>),
}

/// Writes a bundle with `parts` by path.
///
/// # Errors
/// A path is not plain, a file is too large or changes while it is read, or writing fails.
pub fn write<W: Write>(out: W, about: &About, parts: &BTreeMap<String, Part>) -> Result<W, ContainerError> {
    let mut files = Vec::with_capacity(parts.len());
    let mut sizes = Vec::with_capacity(parts.len());
    for (path, part) in parts {
        let alg = alg_of(path);
        let (size, hash) = match part {
            Part::Document(bytes) => (bytes.len() as u64, sha256(&[bytes])),
            Part::Large(open) => measure(&mut *open()?, alg)?,
        };
        sizes.push(size);
        files.push(Listed { alg, hash: b64u(&hash), path: path.clone(), size: size.to_string() });
    }
    let About { origin, key, tender, lot, id, made } = about.clone();
    let contents = jcs(&Contents { files, id, key, lot, made, origin, tender, typ: BUNDLE_TYPE.into() });
    let mut writer = Writer::new(out);
    writer.add(CONTENTS, contents.len() as u64, &mut &contents[..])?;
    for ((path, part), size) in parts.iter().zip(sizes) {
        match part {
            Part::Document(bytes) => writer.add(path, size, &mut &bytes[..])?,
            Part::Large(open) => writer.add(path, size, &mut *open()?)?,
        }
    }
    writer.finish()
}

/// Size and hash of everything that `from` gives.
///
/// # Errors
/// Reading fails.
pub fn measure(from: &mut dyn Read, alg: Alg) -> io::Result<(u64, Hash)> {
    if alg == Alg::Slices {
        let measured = stream::measure(from)?;
        return Ok((measured.size, measured.root));
    }
    let mut piece = vec![0; 1 << 18];
    let mut whole = ring::digest::Context::new(&ring::digest::SHA256);
    let mut size = 0;
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok((size, finish(whole))),
            Ok(read) => {
                size += read as u64;
                whole.update(piece.get(..read).unwrap_or_default());
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// A bundle as it was read: contents, documents, and where the large files lie.
pub struct Bundle<A> {
    pub contents: Contents,
    documents: BTreeMap<String, Vec<u8>>,
    large: BTreeMap<String, (Member, Hash)>,
    archive: A,
}

impl<A: Archive> Bundle<A> {
    /// Reads a bundle and checks that every file is what the table of contents says. `None` if there is nothing that
    /// could be checked further; why stands in the findings.
    pub fn read(archive: A, findings: &mut Findings) -> Option<Self> {
        let members = match container::list(&archive) {
            Ok(members) => members,
            Err(error) => {
                findings.broken("container", error.to_string());
                return None;
            }
        };
        let contents = match contents(&archive, members.first()) {
            Ok(contents) => contents,
            Err(error) => {
                findings.broken("contents", error);
                return None;
            }
        };
        let members = members.get(1..).unwrap_or_default();
        let mut bundle = Self { contents, documents: BTreeMap::new(), large: BTreeMap::new(), archive };
        let mut complaints = order(&bundle.contents, members);
        let (large, small): (Vec<&Member>, Vec<&Member>) =
            members.iter().partition(|member| is_large(&member.name));
        let mut kept = 0;
        for member in small {
            match bundle.take(member, DOCUMENTS_MAX - kept) {
                Ok(()) => kept += member.size,
                Err(error) => complaints.push(format!("{}: {error}", member.name)),
            }
        }
        let hashed = side_by_side(&large, |member| {
            measure(&mut container::open(&bundle.archive, member), alg_of(&member.name))
        });
        for (member, hashed) in large.into_iter().zip(hashed) {
            match hashed {
                Ok((_, hash)) => drop(bundle.large.insert(member.name.clone(), (member.clone(), hash))),
                Err(error) => complaints.push(format!("{}: {error}", member.name)),
            }
        }
        complaints.extend(bundle.differing());
        findings.judge("contents", complaints, format!("{} files are as listed", members.len()));
        Some(bundle)
    }

    /// Reads one document into memory.
    fn take(&mut self, member: &Member, room: u64) -> io::Result<()> {
        if member.size > DOCUMENT_MAX.min(room) {
            return Err(io::Error::other("too large for a document"));
        }
        let mut bytes = Vec::new();
        container::open(&self.archive, member).read_to_end(&mut bytes)?;
        self.documents.insert(member.name.clone(), bytes);
        Ok(())
    }

    /// What differs between the files and the table of contents.
    fn differing(&self) -> Vec<String> {
        let found = |listed: &Listed| -> Option<(u64, Hash)> {
            match (self.documents.get(&listed.path), self.large.get(&listed.path)) {
                (Some(bytes), _) => Some((bytes.len() as u64, sha256(&[bytes]))),
                (_, Some((member, hash))) => Some((member.size, *hash)),
                _ => None,
            }
        };
        let right = |listed: &&Listed| {
            found(listed).is_none_or(|(size, hash)| {
                listed.alg == alg_of(&listed.path)
                    && listed.size == size.to_string()
                    && listed.hash == b64u(&hash)
            })
        };
        let wrong = self.contents.files.iter().filter(|listed| !right(listed));
        wrong.map(|listed| format!("{} is not the file that is listed", listed.path)).collect()
    }

    /// A document by its path.
    pub fn document(&self, path: &str) -> Option<&[u8]> {
        self.documents.get(path).map(Vec::as_slice)
    }

    /// Documents below a folder (`"entries/"`), in order of their paths.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let from = self.documents.range(folder.to_owned()..);
        from.take_while(move |(path, _)| path.starts_with(folder))
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// Size and hash of a large file.
    pub fn large(&self, path: &str) -> Option<(u64, Hash)> {
        self.large.get(path).map(|(member, hash)| (member.size, *hash))
    }

    /// The bytes of a large file.
    pub fn open(&self, path: &str) -> Option<Stretch<'_, A>> {
        self.large.get(path).map(|(member, _)| container::open(&self.archive, member))
    }

    /// Paths of all files behind the table of contents.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.documents.keys().chain(self.large.keys()).map(String::as_str)
    }
}

fn contents<A: Archive>(archive: &A, first: Option<&Member>) -> Result<Contents, String> {
    let first = first.filter(|member| member.name == CONTENTS && member.size <= DOCUMENT_MAX);
    let first = first.ok_or("the first file must be the table of contents")?;
    let mut bytes = Vec::new();
    container::open(archive, first).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let contents: Contents = from_jcs(&bytes).map_err(|e| e.to_string())?;
    if contents.typ == BUNDLE_TYPE {
        Ok(contents)
    } else {
        Err(format!("{} is not an evidence bundle", contents.typ))
    }
}

/// Members must be those that are listed, in ascending order, each once.
fn order(contents: &Contents, members: &[Member]) -> Vec<String> {
    let listed: BTreeSet<&str> = contents.files.iter().map(|file| file.path.as_str()).collect();
    let held: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let missing = listed.difference(&held).map(|path| format!("{path} is listed and missing"));
    let extra = held.difference(&listed).map(|path| format!("{path} is not listed"));
    let mut complaints: Vec<String> = missing.chain(extra).collect();
    let ascending = members.windows(2).all(|pair| pair[0].name < pair[1].name);
    let files_ascending = contents.files.windows(2).all(|pair| pair[0].path < pair[1].path);
    if !ascending || !files_ascending {
        complaints.push("files are not in ascending order, each once".into());
    }
    complaints
}
