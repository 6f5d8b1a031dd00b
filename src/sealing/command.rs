//! What `sunbid seal` and `sunbid open` do, as functions over files. Time comes in as an argument; the only
//! randomness is the keys'.

use super::archive::Shelf;
use super::bid_document::{Form, ListedFile};
use super::bidder_key::{KeyBundle, PASSPHRASE_MIN, lock_key_file, read_key_file};
use super::boxes::BoxKey;
use super::context::Context;
use super::document::{Blob, Bytes, fixed_text};
use super::envelope::{Envelope, OpenedBid};
use super::error::SealError;
use super::key_file::{read_held_key, read_trustee_key, write_box_key};
use super::keys::{Draw, Secret};
use super::manifest::{BidderKeyFile, Client, Manifest};
use super::opening_check::Reported;
use super::release::OpeningBundle;
use super::seal::{Content, FileToSeal, SealedBid, seal_with};
use super::signature::{Signer, SigningKey};
use super::trial::{Checked, check, open_again};
use super::trustees::{TrusteeKey, TrusteeSet};
use super::warrant::OpeningWarrant;
use crate::ledger::policy::Policy;
use crate::platform::canonical::jcs;
use crate::platform::moment::Moment;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

fixed_text!(
    /// The `typ` of bid parameters.
    ParametersTyp = "etrade/bid-parameters/v1"
);

/// What a bidder downloads from the tender's page before sealing: `etrade/bid-parameters/v1`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidParameters {
    pub ctx: Context,
    /// Form fields that the tender asks for.
    pub fields: Vec<String>,
    /// Id of the manifest that will be replaced.
    pub prev: Option<Bytes<32>>,
    pub trustees: TrusteeSet,
    pub typ: ParametersTyp,
    /// The account's certificate chain, leaf first; empty if it has none.
    pub x5c: Vec<Blob>,
}

impl BidParameters {
    /// Reads and checks parameters.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        let parameters: Self =
            serde_json::from_slice(bytes).map_err(|e| SealError::Document(format!("bid parameters: {e}")))?;
        parameters.trustees.check()?;
        if parameters.ctx.trustees.0 != parameters.trustees.hash() {
            return Err(SealError::Trustees("it is not the set that the bid's context names".into()));
        }
        Ok(parameters)
    }
}

/// Reads the signing key and its chain from a PKCS#12 file.
pub fn read_pkcs12(bytes: &[u8], password: &str) -> Result<Signer, SealError> {
    let wrong = |_| SealError::Key("the PKCS#12 file does not open with this password");
    let store =
        p12_keystore::KeyStore::from_pkcs12(bytes, password, p12_keystore::Pkcs12ImportPolicy::Relaxed)
            .map_err(wrong)?;
    let (_, chain) = store
        .private_key_chain()
        .ok_or(SealError::Key("the PKCS#12 file holds no key with a certificate"))?;
    let x5c = chain.certs().iter().map(|certificate| Blob(certificate.as_der().to_vec())).collect();
    Signer::new(SigningKey::from_pkcs8(chain.key().as_der())?, x5c)
}

/// Names of the files that sealing writes.
pub const CIPHERTEXT_FILE: &str = "bid.sealed";
pub const MANIFEST_FILE: &str = "bid.manifest.json";
pub const SIGNATURE_FILE: &str = "bid.signature.json";
pub const BIDDER_KEY_FILE: &str = "bid.bidder-key.json";

/// How a bidder keeps the key of a bid that is locked twice.
#[derive(Default)]
pub struct Keeping<'a> {
    /// Passphrase of the key file; empty for a file without one.
    pub passphrase: &'a str,
    /// Box key of a second holder.
    pub second: Option<[u8; 65]>,
}

/// Seals `files` and `form` into the folder `out`, which must not hold a sealed bid yet. What was written is opened again
/// before the signature is: a bid that does not open is not signed, and nothing of it is left.
///
/// # Errors
/// Refuses when a field that the tender asks for is missing, a passphrase that is too short, and what
/// [`seal`](super::seal::seal) refuses.
pub fn seal_files(
    parameters: &BidParameters,
    files: &[PathBuf],
    form: Form,
    signer: &Signer,
    created: Moment,
    out: &Path,
    keeping: &Keeping<'_>,
) -> Result<SealedBid, SealError> {
    let phrase = keeping.passphrase;
    if !phrase.is_empty() && phrase.chars().count() < PASSPHRASE_MIN {
        return Err(SealError::Key("the passphrase of the key file must have 8 characters or more"));
    }
    if let Some(missing) = parameters.fields.iter().find(|field| !form.contains_key(*field)) {
        return Err(SealError::Document(format!(
            "the tender asks for the field {missing}: give --field {missing}=…"
        )));
    }
    let named = files.iter().map(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| SealError::Document(format!("{} has no usable name", path.display())))?;
        Ok(FileToSeal { name: name.to_owned(), source: path })
    });
    let named = named.collect::<Result<Vec<_>, SealError>>()?;
    fs::create_dir_all(out)?;
    let path = out.join(CIPHERTEXT_FILE);
    let ciphertext = create(&path)?;
    let content = Content {
        ctx: &parameters.ctx,
        trustees: &parameters.trustees,
        files: &named,
        form,
        prev: parameters.prev.map(|prev| prev.0),
        signer,
        client: Client { bundle: None, name: "sunbid-cli".into(), ver: env!("CARGO_PKG_VERSION").into() },
        created,
    };
    let draw = Draw::fresh(parameters.ctx.mode);
    let tried = || -> Result<SealedBid, SealError> {
        let sealed = seal_with(&content, keeping.second.as_ref(), &ciphertext, &draw)?;
        ciphertext.sync_all()?;
        open_again(&sealed, &draw, &parameters.trustees, File::open(&path)?)?;
        Ok(sealed)
    };
    let sealed = tried().inspect_err(|_| drop(fs::remove_file(&path)))?;
    write_new(&out.join(MANIFEST_FILE), &jcs(&sealed.manifest))?;
    write_new(&out.join(SIGNATURE_FILE), &jcs(&sealed.signature))?;
    if let Some(bidder_key) = &sealed.bidder_key {
        let file = if phrase.is_empty() { jcs(bidder_key) } else { jcs(&lock_key_file(bidder_key, phrase)?) };
        write_new(&out.join(BIDDER_KEY_FILE), &file)?;
    }
    Ok(sealed)
}

/// "Can I open this?" for a sealed bid in the folder `sealed`, before it is handed in. `passphrase` is that of the bidder's
/// key file, where there is one.
///
/// # Errors
/// Says which file is missing or does not fit.
pub fn check_files(
    parameters: &BidParameters,
    sealed: &Path,
    passphrase: &str,
) -> Result<Checked, SealError> {
    let read = |name: &str| {
        let path = sealed.join(name);
        fs::read(&path).map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", path.display())))
    };
    let key_file = sealed.join(BIDDER_KEY_FILE);
    let key_file = match key_file.exists() {
        true => Some(read_key_file(&read(BIDDER_KEY_FILE)?, passphrase)?),
        false => None,
    };
    let documents = (&*read(MANIFEST_FILE)?, &*read(SIGNATURE_FILE)?);
    check(parameters, documents, File::open(sealed.join(CIPHERTEXT_FILE))?, key_file.as_ref())
}

/// A trustee's key file and what it takes to use it.
pub struct TrusteeFiles<'a> {
    /// A `.p8` or the JSON of [`new_trustee_key`].
    pub key: &'a [u8],
    /// Passphrase of a `.p8`.
    pub passphrase: &'a str,
    /// The account's key; a `.p8` can not sign.
    pub signer: Option<Signer>,
}

impl TrusteeFiles<'_> {
    /// The keys, if they are a trustee's of `set`.
    ///
    /// # Errors
    /// A file does not open with its passphrase, or belongs to nobody in the set.
    pub fn of(self, set: &TrusteeSet) -> Result<TrusteeKey, SealError> {
        read_trustee_key(self.key, self.passphrase, self.signer, set)
    }
}

/// Makes a trustee's release for the bids of an opening bundle and writes it to `out`. `trust` is what the trustee knows of
/// the log from elsewhere.
///
/// # Errors
/// Refuses what [`OpeningBundle::check`] refuses, and a key that is not a member's.
pub fn release_shares(
    bundle: &OpeningBundle,
    key: &TrusteeKey,
    trust: &Policy,
    now: Moment,
    out: &Path,
) -> Result<usize, SealError> {
    let release = bundle.release(key, trust, now)?;
    write_new(out, &jcs(&release))?;
    Ok(release.shares.len())
}

/// As [`release_shares`] for the canary of a drill.
///
/// # Errors
/// Refuses what [`OpeningBundle::check_drill`] refuses, and a key that is not a member's.
pub fn release_canary(
    bundle: &OpeningBundle,
    key: &TrusteeKey,
    trust: &Policy,
    now: Moment,
    out: &Path,
) -> Result<(), SealError> {
    let release = bundle.release_in_drill(key, trust, now)?;
    write_new(out, &jcs(&release))
}

/// Releases a bidder's key to an opening session and writes the release to `out`, signed if there is a `signer`. `key` is the
/// bidder's key file, or the box key of a second holder (`.p8`). Gives the id of the bid.
///
/// # Errors
/// Refuses what [`KeyBundle::release`] refuses.
pub fn release_bidder_key(
    bundle: &[u8],
    (key, passphrase): (&[u8], &str),
    signer: Option<&Signer>,
    now: Moment,
    out: &Path,
) -> Result<Bytes<32>, SealError> {
    let release = KeyBundle::read(bundle)?.release(key, passphrase, now)?;
    let release = match signer {
        Some(signer) => release.signed(signer)?,
        None => release,
    };
    write_new(out, &jcs(&release))?;
    Ok(release.m)
}

/// The files that an offline opening reads.
pub struct OfflineOpening<'a> {
    pub manifest: &'a [u8],
    pub ciphertext: &'a Path,
    pub trustees: &'a [u8],
    /// Key files of at least t trustees, and the passphrase of those that have one.
    pub keys: &'a [Vec<u8>],
    pub passphrase: &'a str,
    pub bidder_key: Option<&'a [u8]>,
    /// Folder for the bid's files; must not exist.
    pub out: &'a Path,
}

/// Opens one bid with the key files of t trustees, without any server.
///
/// # Errors
/// Refuses fewer than t keys of the set, a malformed bid (saying so), and a folder that exists already. On any error no
/// file is left behind.
pub fn open_bid(opening: &OfflineOpening<'_>) -> Result<OpenedBid, SealError> {
    let manifest = Manifest::read(opening.manifest)?;
    let trustees = TrusteeSet::read(opening.trustees)?;
    let held = opening.keys.iter().map(|key| read_held_key(key, opening.passphrase, &trustees));
    let keys = held.collect::<Result<Vec<_>, _>>()?;
    let warrant = OpeningWarrant::of_key_holders(&trustees, &keys, manifest.id())
        .ok_or(SealError::Key("these are not the keys of enough trustees of this set"))?;
    let c = manifest.ctx.hash();
    let reported = keys.iter().map(|(i, key)| {
        let sealed = manifest.lock.boxes.get(usize::from(*i).saturating_sub(1));
        let share = sealed.and_then(|sealed| key.open_share(&c, *i, &sealed.0).ok());
        Reported { i: *i, share }
    });
    let reported: Vec<Reported> = reported.collect();
    let k_b = opening.bidder_key.map(read_bidder_key).transpose()?;
    let envelope = Envelope::new(manifest);
    let unlocked = envelope.unlock(&warrant, &trustees, &reported, k_b.as_ref());
    let unlocked = unlocked.map_err(|why| SealError::Document(why.to_string()))?;
    if opening.out.exists() {
        return Err(SealError::Document(format!("{} exists already", opening.out.display())));
    }
    let mut shelf = FolderShelf::beside(opening.out)?;
    let opened = unlocked.open(File::open(opening.ciphertext)?, &mut shelf)?;
    shelf.write("bid.json", &mut jcs(opened.document()).as_slice())?;
    shelf.keep(opening.out)?;
    Ok(opened)
}

fn read_bidder_key(bytes: &[u8]) -> Result<Secret, SealError> {
    let file: BidderKeyFile =
        serde_json::from_slice(bytes).map_err(|e| SealError::Document(format!("bidder's key: {e}")))?;
    Ok(Secret(file.k_b.0))
}

/// Makes a new key of trustee `i` for `tender`, writes it to `out` (readable by its owner alone) and gives the line for
/// the trustee set.
pub fn new_trustee_key(tender: &str, i: u8, org: &str, out: &Path) -> Result<Vec<u8>, SealError> {
    let (key, file) = TrusteeKey::generate(tender, i)?;
    write_new(out, &file)?;
    Ok(jcs(&key.member(org)))
}

/// Makes a new box key, writes it to `out` under `passphrase` (readable by its owner alone) and gives its public half.
pub fn new_box_key(passphrase: &str, out: &Path) -> Result<[u8; 65], SealError> {
    let key = BoxKey::random();
    write_new(out, &write_box_key(&key, passphrase)?)?;
    Ok(key.public())
}

/// Adds a trustee's signature to a set; gives the set back, and the signature alone, which is what a platform asks for.
pub fn sign_trustee_set(set: &[u8], files: TrusteeFiles<'_>) -> Result<(Vec<u8>, Bytes<64>), SealError> {
    let mut set: TrusteeSet =
        serde_json::from_slice(set).map_err(|e| SealError::Document(format!("trustee set: {e}")))?;
    let key = files.of(&set)?;
    key.sign_set(&mut set)?;
    let signature = set.member(key.i).map(|member| member.sig);
    let signature = signature.ok_or(SealError::Key("this key file is not of a trustee of this tender"))?;
    Ok((jcs(&set), signature))
}

/// A shelf that is a folder with a temporary name until everything is known to be right.
struct FolderShelf(tempfile::TempDir);

impl FolderShelf {
    fn beside(out: &Path) -> Result<Self, SealError> {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok(Self(tempfile::Builder::new().prefix(".opening-").tempdir_in(parent.unwrap_or(Path::new(".")))?))
    }

    fn write(&self, name: &str, content: &mut dyn Read) -> std::io::Result<()> {
        let mut file = create(&self.0.path().join(name))?;
        std::io::copy(content, &mut file)?;
        file.sync_all()
    }

    fn keep(self, out: &Path) -> Result<(), SealError> {
        Ok(fs::rename(self.0.keep(), out)?)
    }
}

impl Shelf for FolderShelf {
    /// Files get their archive name (`f-0001`): the bidder's names are in `bid.json` and stay out of the file system.
    fn put(&mut self, listed: &ListedFile, content: &mut dyn Read) -> std::io::Result<()> {
        self.write(&listed.path.replace('/', "-"), content)
    }
}

/// Creates a file that did not exist, readable by its owner alone.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let named =
        |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    options.open(path).map_err(named)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), SealError> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}
