//! `bid.json`, the first entry of the archive: the list of files, the form fields that will be read out, and the
//! bidder's inner signature.

use super::document::{Bytes, Count, fixed_text};
use super::error::SealError;
use super::signature::{Es256, Signature, Signer};
use crate::platform::canonical::{from_jcs, jcs};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

fixed_text!(
    /// The `typ` of a bid document.
    BidDocumentTyp = "etrade/bid-document/v1"
);

/// Most files in one bid.
pub const FILES_MAX: usize = 1000;
/// Longest `bid.json`.
pub const DOCUMENT_MAX: u64 = 1 << 20;
/// Largest file: what eleven octal digits can say.
pub const FILE_MAX: u64 = 0o77_777_777_777;
const FIELDS_MAX: usize = 200;

/// One file of a bid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedFile {
    /// The bidder's name of the file.
    pub name: String,
    /// `f/0001` and so on, the name in the archive.
    pub path: String,
    pub sha256: Bytes<32>,
    pub size: Count,
}

/// What is read out at the opening: field name to text.
pub type Form = BTreeMap<String, String>;

/// `etrade/bid-document/v1`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidDocument {
    /// Hash of the context.
    pub c: Bytes<32>,
    pub files: Vec<ListedFile>,
    pub form: Form,
    pub signature: Signature,
    pub typ: BidDocumentTyp,
}

#[derive(Serialize)]
struct Unsigned<'a> {
    c: &'a Bytes<32>,
    files: &'a [ListedFile],
    form: &'a Form,
    typ: BidDocumentTyp,
}

fn message(c: &Bytes<32>, files: &[ListedFile], form: &Form) -> Vec<u8> {
    let unsigned = Unsigned { c, files, form, typ: BidDocumentTyp };
    [b"etrade/bid-document/v1\n".as_slice(), &jcs(&unsigned)].concat()
}

/// Name of file `number` (from 1) in the archive.
pub fn path_of(number: usize) -> String {
    format!("f/{number:04}")
}

impl BidDocument {
    /// A bid document as long as it will be, but without hashes and signature; refuses unlawful names and fields.
    pub fn draft(
        c: [u8; 32],
        files: Vec<ListedFile>,
        form: Form,
        signer: &Signer,
    ) -> Result<Self, SealError> {
        check_files(&files)?;
        check_form(&form)?;
        let signature = Signature { alg: Es256, sig: Bytes([0; 64]), x5c: signer.x5c.clone() };
        Ok(Self { c: Bytes(c), files, form, signature, typ: BidDocumentTyp })
    }

    /// Puts the files' hashes in, in order, and signs.
    pub fn sign(mut self, hashes: Vec<[u8; 32]>, signer: &Signer) -> Result<Self, SealError> {
        self.files.iter_mut().zip(hashes).for_each(|(file, hash)| file.sha256 = Bytes(hash));
        self.signature = signer.sign(&message(&self.c, &self.files, &self.form))?;
        Ok(self)
    }

    /// Reads `bid.json`: canonical form, this bid's context, lawful names, a signature that fits.
    pub fn read(bytes: &[u8], c: &[u8; 32]) -> Result<Self, SealError> {
        let document: Self = from_jcs(bytes)?;
        if document.c.0 != *c {
            return Err(SealError::Archive("bid.json belongs to another bid".into()));
        }
        check_files(&document.files)?;
        check_form(&document.form)?;
        document.signature.verify(&message(&document.c, &document.files, &document.form))?;
        Ok(document)
    }
}

/// Whether bidders may give a file this name.
pub fn is_file_name(name: &str) -> bool {
    (1..=200).contains(&name.chars().count())
        && !name.chars().any(|c| c.is_control() || c == '/' || c == '\\')
        && name != "."
        && name != ".."
}

fn check_files(files: &[ListedFile]) -> Result<(), SealError> {
    let refuse = |why: String| Err(SealError::Document(why));
    if files.len() > FILES_MAX {
        return refuse(format!("a bid has at most {FILES_MAX} files"));
    }
    let mut names = BTreeSet::new();
    for (at, file) in files.iter().enumerate() {
        if file.path != path_of(at + 1) {
            return refuse("the files are not numbered from f/0001 in order".into());
        }
        if !is_file_name(&file.name) || !names.insert(&file.name) {
            return refuse(format!("{} is not a lawful file name or occurs twice", file.path));
        }
        if file.size.0 > FILE_MAX {
            return refuse(format!("{} is larger than 8 GiB", file.path));
        }
    }
    Ok(())
}

fn check_form(form: &Form) -> Result<(), SealError> {
    let is_key = |key: &str| {
        key.len() <= 64
            && key.starts_with(|c: char| c.is_ascii_lowercase())
            && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if form.len() > FIELDS_MAX || !form.keys().all(|key| is_key(key)) {
        return Err(SealError::Document("a form field has an unlawful name, or there are too many".into()));
    }
    if form.values().any(|value| value.chars().count() > 2000) {
        return Err(SealError::Document("a form field is longer than 2000 characters".into()));
    }
    Ok(())
}
