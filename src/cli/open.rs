//! `sunbid open`: the trustee's side, without a browser.

use crate::platform::moment::Clock;
use crate::sealing::command::{OfflineOpening, new_trustee_key, open_bid, release_shares, sign_trustee_set};
use anyhow::Context;
use std::path::{Path, PathBuf};

/// A trustee's tool: make a key, sign the trustee set, release shares, or open a bid offline.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  sunbid open new-key --tender T-2026-0007 --number 2 --org 市公证处 --out my-key.json\n  sunbid open release --bundle opening.json --key my-key.json --out release.json\n  sunbid open bid --manifest bid.manifest.json --ciphertext bid.sealed --trustees set.json \\\n    --key k1.json --key k3.json --out opened"
)]
pub struct Args {
    #[command(subcommand)]
    pub step: Step,
}

/// What a trustee does.
#[derive(clap::Subcommand, Debug)]
pub enum Step {
    /// Makes a key for one tender and prints the line for the trustee set
    NewKey {
        #[arg(long)]
        tender: String,
        /// The trustee's number in the set, from 1
        #[arg(long)]
        number: u8,
        /// The trustee's organisation
        #[arg(long)]
        org: String,
        #[arg(long)]
        out: PathBuf,
    },
    /// Signs a trustee set, after checking that it holds this key, and prints it
    SignSet {
        #[arg(long)]
        set: PathBuf,
        #[arg(long)]
        key: PathBuf,
    },
    /// Releases this trustee's shares to an opening session
    Release {
        /// Opening bundle, downloaded from the opening hall
        #[arg(long)]
        bundle: PathBuf,
        #[arg(long)]
        key: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
    /// Opens one bid with the keys of t trustees
    Bid {
        #[arg(long)]
        manifest: PathBuf,
        #[arg(long)]
        ciphertext: PathBuf,
        /// The trustee set
        #[arg(long)]
        trustees: PathBuf,
        /// A trustee's key file; repeated t times
        #[arg(long = "key", required = true)]
        keys: Vec<PathBuf>,
        /// The bidder's key file, if the bid is locked twice
        #[arg(long)]
        bidder_key: Option<PathBuf>,
        /// New folder for the files
        #[arg(long)]
        out: PathBuf,
    },
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// Does the step and says what came of it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.step {
        Step::NewKey { tender, number, org, out } => {
            let member = new_trustee_key(tender, *number, org, out)?;
            println!("{}", String::from_utf8_lossy(&member));
        }
        Step::SignSet { set, key } => {
            println!("{}", String::from_utf8_lossy(&sign_trustee_set(&read(set)?, &read(key)?)?));
        }
        Step::Release { bundle, key, out } => {
            let count = release_shares(&read(bundle)?, &read(key)?, Clock::real().now(), out)?;
            println!("released the shares of {count} bids into {}", out.display());
        }
        Step::Bid { manifest, ciphertext, trustees, keys, bidder_key, out } => {
            let keys = keys.iter().map(|key| read(key)).collect::<Result<Vec<_>, _>>()?;
            let bidder_key = bidder_key.as_deref().map(read).transpose()?;
            let opened = open_bid(&OfflineOpening {
                manifest: &read(manifest)?,
                ciphertext,
                trustees: &read(trustees)?,
                keys: &keys,
                bidder_key: bidder_key.as_deref(),
                out,
            })?;
            for (name, value) in opened.form() {
                println!("{name} = {value}");
            }
            for file in opened.files() {
                println!("{} {} bytes {}", file.path, file.size.0, file.name);
            }
        }
    }
    Ok(())
}
