//! `sunbid seal`: the bidder's side, without a browser.

use crate::platform::digest::b64u;
use crate::platform::moment::Clock;
use crate::sealing::command::{
    BidParameters, CIPHERTEXT_FILE, Keeping, MANIFEST_FILE, SIGNATURE_FILE, read_pkcs12, seal_files,
};
use crate::sealing::document::Bytes;
use anyhow::Context;
use std::path::PathBuf;

/// Seals files and form fields into a bid that t trustees can open after the deadline.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  sunbid seal --parameters T-2026-0007-1.json --p12 zhang.p12 --field price=1234567.89 \\\n    --out sealed 投标函.pdf 报价.xlsx\nThen upload sealed/bid.sealed and submit the manifest and the signature on the tender's page.\n\
    Before that, also on another machine: sunbid open check --sealed sealed --parameters T-2026-0007-1.json"
)]
pub struct Args {
    /// Bid parameters, downloaded from the tender's page
    #[arg(long)]
    pub parameters: PathBuf,
    /// PKCS#12 file with the signing key and its certificate
    #[arg(long)]
    pub p12: PathBuf,
    /// Password of the PKCS#12 file; better given in the environment than on the command line
    #[arg(long, env = "SUNBID_P12_PASSWORD", hide_env_values = true, default_value = "")]
    pub password: String,
    /// A form field, as name=value; may be repeated
    #[arg(long = "field", value_parser = field)]
    pub fields: Vec<(String, String)>,
    /// Where bids are locked twice: passphrase of the key file that the bidder keeps; better given in the environment than on
    /// the command line
    #[arg(long, env = "SUNBID_BIDDER_KEY_PASSPHRASE", hide_env_values = true, default_value = "")]
    pub key_passphrase: String,
    /// Where bids are locked twice: box key of a second holder, who can release the bid's key in an outage (`sunbid open
    /// new-box-key` prints it)
    #[arg(long, value_parser = box_key)]
    pub second: Option<Bytes<65>>,
    /// Folder for the sealed bid
    #[arg(long)]
    pub out: PathBuf,
    /// The files of the bid, in order
    pub files: Vec<PathBuf>,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn box_key(text: &str) -> Result<Bytes<65>, String> {
    Bytes::parse(text).ok_or_else(|| "expected the 87 characters of a box key".to_owned())
}

/// Seals and says what was written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
    let parameters = BidParameters::read(&read(&args.parameters)?)?;
    let signer = read_pkcs12(&read(&args.p12)?, &args.password)?;
    let form = args.fields.iter().cloned().collect();
    let keeping = Keeping { passphrase: &args.key_passphrase, second: args.second.map(|key| key.0) };
    let now = Clock::real().now();
    let sealed = seal_files(&parameters, &args.files, form, &signer, now, &args.out, &keeping)?;
    let file = |name: &str| args.out.join(name).display().to_string();
    println!("sealed   {} ({} bytes)", file(CIPHERTEXT_FILE), sealed.manifest.ct.size.0);
    println!("tried    what was written opens again, and the trustees' boxes give its key");
    println!("manifest {} (id {})", file(MANIFEST_FILE), b64u(&sealed.manifest.id()));
    println!("signed   {}", file(SIGNATURE_FILE));
    if sealed.bidder_key.is_some() {
        println!(
            "keep     {}: after the deadline you release it in the opening hall; without it this bid never opens",
            file(crate::sealing::command::BIDDER_KEY_FILE)
        );
        if args.key_passphrase.is_empty() {
            println!("         it has no passphrase: set SUNBID_BIDDER_KEY_PASSPHRASE next time");
        }
    }
    Ok(())
}
