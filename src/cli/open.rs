//! `sunbid open`: the side of trustees, and of bidders whose bids are locked twice, without a browser.

use super::trustee::{Talk, Trusted};
use crate::platform::canonical::jcs;
use crate::platform::digest::b64u;
use crate::platform::moment::Clock;
use crate::platform::moment::Moment;
use crate::sealing::bidder_key::read_key_file;
use crate::sealing::command::{
    BidParameters, OfflineOpening, TrusteeFiles, check_files, new_box_key, new_trustee_key, open_bid,
    read_pkcs12, release_bidder_key, release_canary, release_shares, sign_trustee_set,
};
use crate::sealing::release::OpeningBundle;
use crate::sealing::trial::Checked;
use anyhow::Context;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

/// A trustee's tool: make a key, sign the trustee set, release shares, or open a bid offline.
///
/// A trustee who works with a platform keeps two files, the same that a browser offers as backups: the tender's box key
/// (`.p8`) and the account's signing key (`.p12`). Trustees without a platform use the JSON key files of `new-key`.
#[derive(clap::Args, Debug)]
#[command(after_help = "With a platform:\n  export SUNBID_TRUSTEE_PASSPHRASE=… SUNBID_P12_PASSWORD=…\n  \
    sunbid open new-box-key --p12 me.p12 --out box.p8     (paste the two lines on the trustees' page)\n  \
    sunbid open sign-set --set set.json --key box.p8 --p12 me.p12     (paste the line there)\n  \
    sunbid open drill --bundle drill.json --key box.p8 --p12 me.p12 --policy log.policy --out drill-release.json\n  \
    sunbid open release --bundle bundle.json --key box.p8 --p12 me.p12 --out release.json\n\
    As a bidder, where bids are locked twice:\n  \
    sunbid open release-key --bundle key-bundle.json --key bid.bidder-key.json --p12 me.p12 --out key-release.json\n\
    Without one:\n  \
    sunbid open new-key --tender T-2026-0007 --number 2 --org 市公证处 --out my-key.json\n  \
    sunbid open bid --manifest bid.manifest.json --ciphertext bid.sealed --trustees set.json \\\n    \
    --key k1.json --key k3.json --out opened")]
pub struct Args {
    #[command(subcommand)]
    pub step: Step,
}

/// A trustee's key files.
#[derive(clap::Args, Debug)]
pub struct Keys {
    /// The box key: a .p8 of the browser or of new-box-key, or the JSON of new-key
    #[arg(long)]
    pub key: PathBuf,
    /// Passphrase of the .p8; better given in the environment than on the command line
    #[arg(long, env = "SUNBID_TRUSTEE_PASSPHRASE", hide_env_values = true, default_value = "")]
    pub passphrase: String,
    /// With a .p8: PKCS#12 file with the account's signing key
    #[arg(long)]
    pub p12: Option<PathBuf>,
    /// Password of the PKCS#12 file
    #[arg(long, env = "SUNBID_P12_PASSWORD", hide_env_values = true, default_value = "")]
    pub password: String,
}

/// What a trustee does.
#[derive(clap::Subcommand, Debug)]
pub enum Step {
    /// Makes a box key for one tender of a platform and prints what its trustees' page asks for
    #[command(after_help = "Example:\n  sunbid open new-box-key --p12 me.p12 --out box.p8")]
    NewBoxKey {
        /// PKCS#12 file with the account's signing key
        #[arg(long)]
        p12: PathBuf,
        /// Password of the PKCS#12 file
        #[arg(long, env = "SUNBID_P12_PASSWORD", hide_env_values = true, default_value = "")]
        password: String,
        /// Passphrase of the new file, at least 8 characters
        #[arg(long, env = "SUNBID_TRUSTEE_PASSPHRASE", hide_env_values = true)]
        passphrase: String,
        /// The new file, .p8
        #[arg(long)]
        out: PathBuf,
    },
    /// Makes a key for one tender without a platform and prints the line for the trustee set
    #[command(
        after_help = "Example:\n  sunbid open new-key --tender T-2026-0007 --number 2 --org 市公证处 --out my-key.json"
    )]
    NewKey {
        /// Public number of the tender
        #[arg(long)]
        tender: String,
        /// The trustee's number in the set, from 1
        #[arg(long)]
        number: u8,
        /// The trustee's organisation
        #[arg(long)]
        org: String,
        /// The new key file, JSON
        #[arg(long)]
        out: PathBuf,
    },
    /// Signs a trustee set, after checking that it holds this key, and prints it; with a .p8, the signature alone
    #[command(after_help = "Example:\n  sunbid open sign-set --set set.json --key box.p8 --p12 me.p12")]
    SignSet {
        /// The trustee set, downloaded from the trustees' page
        #[arg(long)]
        set: PathBuf,
        #[command(flatten)]
        keys: Keys,
    },
    /// Before bids come: opens the canary of a drill, checks the log and its witnesses, and pins the log's key and policy
    ///
    /// What is pinned lies beside the key file (`.pin.json`) and is all that `release` believes of the log later. After an honest
    /// change of witnesses give the new --policy: the change is shown, and the pin replaced after a yes. A bundle that is not a
    /// drill's is refused.
    #[command(
        after_help = "Example:\n  sunbid open drill --bundle drill.json --key box.p8 --p12 me.p12 --policy log.policy --out release.json"
    )]
    Drill {
        /// The drill's bundle, downloaded from the trustees' page
        #[arg(long)]
        bundle: PathBuf,
        #[command(flatten)]
        keys: Keys,
        #[command(flatten)]
        trusted: Trusted,
        /// The new file, to be handed in at the trustees' page
        #[arg(long)]
        out: PathBuf,
    },
    /// Releases this trustee's shares to an opening session, after showing what is opened and asking
    ///
    /// Believes nothing of the bundle that the log does not show: the announced time, the closing of the box, the bids, the
    /// session. The log itself is known by its key, and the time by its witnesses, as pinned at the drill or given here.
    #[command(
        after_help = "Example:\n  sunbid open release --bundle bundle.json --key box.p8 --p12 me.p12 --policy log.policy --out release.json"
    )]
    Release {
        /// Opening bundle, downloaded from the opening hall
        #[arg(long)]
        bundle: PathBuf,
        #[command(flatten)]
        keys: Keys,
        #[command(flatten)]
        trusted: Trusted,
        /// The new file, to be handed in at the opening hall
        #[arg(long)]
        out: PathBuf,
    },
    /// Releases a bidder's own key to an opening session, where bids are locked twice
    #[command(
        after_help = "Example:\n  sunbid open release-key --bundle key-bundle.json --key bid.bidder-key.json --p12 me.p12 --out key-release.json"
    )]
    ReleaseKey {
        /// Key bundle, downloaded from the opening hall
        #[arg(long)]
        bundle: PathBuf,
        /// The bidder's key file (.json), or the box key of a second holder (.p8)
        #[arg(long)]
        key: PathBuf,
        /// Passphrase of that file; better given in the environment than on the command line
        #[arg(long, env = "SUNBID_BIDDER_KEY_PASSPHRASE", hide_env_values = true, default_value = "")]
        passphrase: String,
        /// PKCS#12 file with the account's signing key, to sign the release; a second holder needs none
        #[arg(long)]
        p12: Option<PathBuf>,
        /// Password of the PKCS#12 file
        #[arg(long, env = "SUNBID_P12_PASSWORD", hide_env_values = true, default_value = "")]
        password: String,
        /// The new file, to be handed in at the opening hall
        #[arg(long)]
        out: PathBuf,
    },
    /// Before a bid is handed in: are its files still those that opened when it was sealed?
    ///
    /// Sealing opens the bid again before it signs it, with keys that it then forgets. This shows that nothing has changed
    /// since: the signature, the sealed file to its last byte, the tender and its trustees, and the key file of a bid that
    /// is locked twice.
    #[command(after_help = "Example:\n  sunbid open check --sealed sealed --parameters T-2026-0007-1.json")]
    Check {
        /// The folder that `sunbid seal` wrote
        #[arg(long)]
        sealed: PathBuf,
        /// Bid parameters, downloaded from the tender's page
        #[arg(long)]
        parameters: PathBuf,
        /// Passphrase of the bidder's key file; better given in the environment than on the command line
        #[arg(long, env = "SUNBID_BIDDER_KEY_PASSPHRASE", hide_env_values = true, default_value = "")]
        key_passphrase: String,
    },
    /// Opens one bid with the keys of t trustees
    #[command(
        after_help = "Example:\n  sunbid open bid --manifest bid.manifest.json --ciphertext bid.sealed --trustees set.json \\\n    \
        --key k1.json --key k3.json --out opened"
    )]
    Bid {
        /// The bid's manifest, JSON
        #[arg(long)]
        manifest: PathBuf,
        /// The sealed file
        #[arg(long)]
        ciphertext: PathBuf,
        /// The trustee set
        #[arg(long)]
        trustees: PathBuf,
        /// A trustee's key file; repeated t times
        #[arg(long = "key", required = true)]
        keys: Vec<PathBuf>,
        /// Passphrase of those that are .p8 files
        #[arg(long, env = "SUNBID_TRUSTEE_PASSPHRASE", hide_env_values = true, default_value = "")]
        passphrase: String,
        /// The bidder's key file, if the bid is locked twice
        #[arg(long)]
        bidder_key: Option<PathBuf>,
        /// Passphrase of the bidder's key file
        #[arg(long, env = "SUNBID_BIDDER_KEY_PASSPHRASE", hide_env_values = true, default_value = "")]
        bidder_passphrase: String,
        /// New folder for the files
        #[arg(long)]
        out: PathBuf,
    },
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

impl Keys {
    /// The files as the library takes them; `key` is the content of the key file.
    fn with<'a>(&'a self, key: &'a [u8]) -> anyhow::Result<TrusteeFiles<'a>> {
        let signer =
            self.p12.as_deref().map(|p12| Ok::<_, anyhow::Error>(read_pkcs12(&read(p12)?, &self.password)?));
        Ok(TrusteeFiles { key, passphrase: &self.passphrase, signer: signer.transpose()? })
    }
}

/// Says what fits, and until when the signer's certificate is valid: it must be at the opening still.
fn say_checked(checked: &Checked, told: &mut dyn Write) -> anyhow::Result<()> {
    let (ctx, lock) = (&checked.manifest.ctx, &checked.manifest.lock);
    writeln!(
        told,
        "bid        {} (tender {}, lot {}, revision {})",
        b64u(&checked.manifest.id()),
        ctx.tender,
        ctx.lot,
        ctx.rev
    )?;
    writeln!(told, "ciphertext {} bytes, the very ones that were signed", checked.manifest.ct.size.0)?;
    writeln!(told, "trustees   any {} of {} of this tender open it", lock.t, lock.n)?;
    if lock.commit_b.is_some() {
        writeln!(told, "your key   the key file is this bid's; without it the bid never opens")?;
    }
    let leaf = checked.signer.first().map(Vec::as_slice).unwrap_or_default();
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf).context("the signer's certificate")?;
    let until = Moment::from_micros(certificate.validity().not_after.timestamp().saturating_mul(1_000_000));
    writeln!(
        told,
        "signer     certificate valid until {} (Beijing time): it must not end before the opening",
        until.beijing()
    )?;
    Ok(())
}

/// Makes a trustee's box key and says what the trustees' page asks for.
fn box_key(
    p12: &Path,
    password: &str,
    passphrase: &str,
    out: &Path,
    told: &mut dyn Write,
) -> anyhow::Result<()> {
    anyhow::ensure!(passphrase.chars().count() >= 8, "the passphrase must have 8 characters or more");
    let signer = read_pkcs12(&read(p12)?, password)?;
    let public = new_box_key(passphrase, out)?;
    writeln!(told, "box key:     {}", b64u(&public))?;
    let certificate = signer.x5c.first().map(|leaf| b64u(&leaf.0)).unwrap_or_default();
    Ok(writeln!(told, "certificate: {certificate}")?)
}

fn drill(
    bundle: &Path,
    keys: &Keys,
    trusted: &Trusted,
    out: &Path,
    mut talk: Talk<'_>,
) -> anyhow::Result<()> {
    let (key, bundle) = (read(&keys.key)?, OpeningBundle::read(&read(bundle)?)?);
    let (own, now) = (keys.with(&key)?.of(&bundle.trustees)?, Clock::real().now());
    let policy = trusted.try_log((&keys.key, &bundle), now, &mut talk)?;
    release_canary(&bundle, &own, &policy, now, out)?;
    Ok(writeln!(talk.told, "opened the canary of {} into {}", bundle.trustees.tender, out.display())?)
}

fn release(
    bundle: &Path,
    keys: &Keys,
    trusted: &Trusted,
    out: &Path,
    mut talk: Talk<'_>,
) -> anyhow::Result<()> {
    let (key, bundle) = (read(&keys.key)?, OpeningBundle::read(&read(bundle)?)?);
    let (own, now) = (keys.with(&key)?.of(&bundle.trustees)?, Clock::real().now());
    let policy = trusted.look((&keys.key, &bundle), now, &mut talk)?;
    let count = release_shares(&bundle, &own, &policy, now, out)?;
    for m in bundle.broken_promises(&own) {
        writeln!(
            talk.told,
            "bid {m}: your box does not hold the share that its bidder committed to; your release says what it holds, and \
             nothing is wrong on your side"
        )?;
    }
    Ok(writeln!(talk.told, "released the shares of {count} bids into {}", out.display())?)
}

/// Does the step and says what came of it. Questions are answered on the standard input.
pub fn run(args: &Args, told: &mut dyn Write) -> anyhow::Result<()> {
    run_with(args, told, &mut std::io::stdin().lock())
}

/// As [`run`] with the answers given.
pub fn run_with(args: &Args, told: &mut dyn Write, answers: &mut dyn BufRead) -> anyhow::Result<()> {
    match &args.step {
        Step::NewKey { tender, number, org, out } => {
            let member = new_trustee_key(tender, *number, org, out)?;
            writeln!(told, "{}", String::from_utf8_lossy(&member))?;
        }
        Step::NewBoxKey { p12, password, passphrase, out } => box_key(p12, password, passphrase, out, told)?,
        Step::SignSet { set, keys } => {
            let (key, set) = (read(&keys.key)?, read(set)?);
            let (signed, signature) = sign_trustee_set(&set, keys.with(&key)?)?;
            match keys.p12 {
                Some(_) => writeln!(told, "signature: {}", b64u(&signature.0))?,
                None => writeln!(told, "{}", String::from_utf8_lossy(&signed))?,
            }
        }
        Step::Drill { bundle, keys, trusted, out } => {
            drill(bundle, keys, trusted, out, Talk { told, answers })?;
        }
        Step::Release { bundle, keys, trusted, out } => {
            release(bundle, keys, trusted, out, Talk { told, answers })?;
        }
        Step::ReleaseKey { bundle, key, passphrase, p12, password, out } => {
            let (bundle, key) = (read(bundle)?, read(key)?);
            let signer = p12.as_deref().map(|p12| anyhow::Ok(read_pkcs12(&read(p12)?, password)?));
            let (signer, now) = (signer.transpose()?, Clock::real().now());
            let m = release_bidder_key(&bundle, (&key, passphrase), signer.as_ref(), now, out)?;
            writeln!(told, "released the key of bid {m} into {}", out.display())?;
        }
        Step::Check { sealed, parameters, key_passphrase } => {
            let parameters = BidParameters::read(&read(parameters)?)?;
            say_checked(&check_files(&parameters, sealed, key_passphrase)?, told)?;
        }
        Step::Bid {
            manifest,
            ciphertext,
            trustees,
            keys,
            passphrase,
            bidder_key,
            bidder_passphrase,
            out,
        } => {
            let keys = keys.iter().map(|key| read(key)).collect::<Result<Vec<_>, _>>()?;
            let unlock = |path: &Path| -> anyhow::Result<Vec<u8>> {
                Ok(jcs(&read_key_file(&read(path)?, bidder_passphrase)?))
            };
            let bidder_key = bidder_key.as_deref().map(unlock).transpose()?;
            let opened = open_bid(&OfflineOpening {
                manifest: &read(manifest)?,
                ciphertext,
                trustees: &read(trustees)?,
                keys: &keys,
                passphrase,
                bidder_key: bidder_key.as_deref(),
                out,
            })?;
            for (name, value) in opened.form() {
                writeln!(told, "{name} = {value}")?;
            }
            for file in opened.files() {
                writeln!(told, "{} {} bytes {}", file.path, file.size.0, file.name)?;
            }
        }
    }
    Ok(())
}
