//! `sunbid send`: brings what `sunbid seal` wrote to the platform and hands it in. It goes on after every break, of the
//! network, the server or itself, at the byte that the server says it has.

mod centre;
mod progress;

use crate::platform::canonical::from_jcs;
use crate::platform::waiting::Waiting;
use crate::sealing::command::{CIPHERTEXT_FILE, MANIFEST_FILE, SIGNATURE_FILE};
use crate::sealing::manifest::Manifest;
use anyhow::{Context, bail};
use centre::{Bid, Centre, Trouble};
use progress::Progress;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where `send` remembers, in the folder of the sealed bid, which upload it began.
pub const UPLOAD_FILE: &str = "bid.upload.json";
/// The proof that the bid is in the log.
pub const RECEIPT_FILE: &str = "bid.tlog-proof";

/// Uploads a sealed bid and hands it in; run it again after a break and it goes on where it was.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  sunbid send --server https://trade.example --login zhang --password-file zhang.password sealed\n\
    `sealed` is the folder that `sunbid seal --out sealed …` wrote. The receipt's proof comes into the same folder. A send that was broken off \
    is simply started again."
)]
pub struct Args {
    /// Address of the platform
    #[arg(long)]
    pub server: String,
    /// Name with which you sign in
    #[arg(long)]
    pub login: String,
    /// File whose first line is the password; without it SUNBID_PASSWORD is read, or you are asked
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// Seconds to try again for while nothing moves on
    #[arg(long, default_value_t = 900)]
    pub patience: u64,
    /// Folder with the sealed bid
    pub sealed: PathBuf,
}

/// The upload that was begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    server: String,
    upload: String,
}

/// Uploads, submits and fetches the receipt.
///
/// # Errors
/// The files are not a sealed bid, the platform refuses, or nothing moved on for as long as the patience lasts.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let read = |name: &str| {
        let path = args.sealed.join(name);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let bid = Bid { manifest: read(MANIFEST_FILE)?, signature: read(SIGNATURE_FILE)? };
    let manifest: Manifest = from_jcs(bid.manifest.as_bytes()).context(MANIFEST_FILE)?;
    manifest.check_shares()?;
    let ciphertext = args.sealed.join(CIPHERTEXT_FILE);
    let size = ciphertext.metadata().with_context(|| ciphertext.display().to_string())?.len();
    if size != manifest.ct.size.0 {
        bail!("{} has {size} bytes, but {} were sealed", ciphertext.display(), manifest.ct.size.0);
    }
    let server = args.server.trim_end_matches('/').to_owned();
    let centre = Centre::new(&server, &args.login, password(args)?, &manifest.ctx)?;
    let sending = Sending { centre, bid, ciphertext, size, state: args.sealed.join(UPLOAD_FILE), server };
    let receipt = Waiting::here()?.on(sending.to_the_end(Duration::from_secs(args.patience)))?;
    let _ = std::fs::remove_file(&sending.state);
    let file = args.sealed.join(RECEIPT_FILE);
    std::fs::write(&file, &receipt.proof).with_context(|| file.display().to_string())?;
    println!("submitted {}{}", sending.server, receipt.page);
    println!("receipt   {} (keep it: it proves that the bid is in the log)", file.display());
    Ok(())
}

struct Sending {
    centre: Centre,
    bid: Bid,
    ciphertext: PathBuf,
    size: u64,
    state: PathBuf,
    server: String,
}

impl Sending {
    /// Tries again after every trouble that may pass, with longer and longer rests, until nothing has moved for `patience`.
    async fn to_the_end(&self, patience: Duration) -> anyhow::Result<centre::Receipt> {
        let mut progress = Progress::new(self.size);
        let (mut moved, mut sent, mut rest) = (Instant::now(), 0, Duration::from_millis(500));
        loop {
            let trouble = match self.once(&mut progress).await {
                Ok(receipt) => return Ok(receipt),
                Err(Trouble::Final(why)) => bail!(why),
                Err(Trouble::Passing(why)) => why,
            };
            if progress.sent() > sent {
                (moved, sent, rest) = (Instant::now(), progress.sent(), Duration::from_millis(500));
            }
            if moved.elapsed() > patience {
                bail!(
                    "{trouble}\nnothing moved for {} s; start again later, it goes on from here",
                    patience.as_secs()
                );
            }
            progress.say(&format!("{trouble}; trying again"));
            tokio::time::sleep(rest).await;
            rest = (rest * 2).min(Duration::from_secs(15));
        }
    }

    async fn once(&self, progress: &mut Progress) -> Result<centre::Receipt, Trouble> {
        self.centre.enter().await?;
        // an answer may have been lost: what is handed in is handed in
        if let Some(receipt) = self.centre.receipt_of(&self.bid).await? {
            return Ok(receipt);
        }
        let begun = std::fs::read_to_string(&self.state).ok();
        let begun: Option<Begun> = begun.and_then(|text| serde_json::from_str(&text).ok());
        let mut upload = begun.filter(|begun| begun.server == self.server).map(|begun| begun.upload);
        let mut have = 0;
        if let Some(place) = &upload {
            match self.centre.offset(place).await? {
                Some(offset) if offset <= self.size => have = offset,
                _ => upload = None,
            }
        }
        let upload = match upload {
            Some(upload) => upload,
            None => self.begin().await?,
        };
        progress.begin(have);
        while have < self.size {
            have = self.centre.bring(&upload, &self.ciphertext, have, self.size, progress).await?;
            progress.reached(have);
        }
        progress.end();
        self.centre.submit(&self.bid, &upload).await?;
        let receipt = self.centre.receipt_of(&self.bid).await?;
        receipt.ok_or_else(|| Trouble::Passing("the receipt is not there yet".into()))
    }

    /// Begins an upload, and remembers it before the first byte goes out.
    async fn begin(&self) -> Result<String, Trouble> {
        let upload = self.centre.create(self.size).await?;
        let begun = Begun { server: self.server.clone(), upload };
        let text = serde_json::to_string(&begun).map_err(|why| Trouble::Final(why.to_string()))?;
        let new = self.state.with_extension("new");
        let kept = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &self.state));
        kept.map_err(|why| Trouble::Final(format!("{}: {why}", self.state.display())))?;
        Ok(begun.upload)
    }
}

fn password(args: &Args) -> anyhow::Result<String> {
    if let Some(file) = &args.password_file {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        return Ok(text.lines().next().unwrap_or_default().to_owned());
    }
    if let Ok(password) = std::env::var("SUNBID_PASSWORD") {
        return Ok(password);
    }
    let stdin = std::io::stdin();
    let shown = stdin.is_terminal().then(|| rustix::termios::tcgetattr(&stdin)).transpose()?;
    if let Some(shown) = &shown {
        let mut hidden = shown.clone();
        hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, &hidden)?;
    }
    eprint!("Password of {}: ", args.login);
    std::io::stderr().flush()?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if let Some(shown) = &shown {
        rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, shown)?;
        eprintln!();
    }
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
