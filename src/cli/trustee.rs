//! How `sunbid open release` and `sunbid open drill` know the log, what they show before they release, and the question.
//!
//! What is pinned: the log's key and who must cosign, as a C2SP policy text, in a file beside the trustee's key. It is written
//! when the trustee names it, or says yes to what the platform tells; from then on nothing else is believed.

use super::log::read_policy;
use crate::account::authority::{Authority, claimed_subject};
use crate::account::signature::{Signed, check_kept};
use crate::ledger::note::VerifierKey;
use crate::ledger::policy::Policy;
use crate::ledger::rotation::Rotations;
use crate::platform::canonical::jcs;
use crate::platform::digest::{b64u, sha256};
use crate::platform::moment::{MINUTE, Moment};
use crate::platform::pem::certificates;
use crate::platform::web::lang::Lang;
use crate::sealing::course::Announced;
use crate::sealing::document::fixed_text;
use crate::sealing::error::SealError;
use crate::sealing::log_proof::Shown;
use crate::sealing::release::OpeningBundle;
use crate::sealing::untrue::Untrue;
use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

fixed_text!(
    /// The `typ` of a pin.
    PinTyp = "etrade/trustee-pin/v1"
);

/// What a trustee pinned for one tender: `<key file>.pin.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    /// A C2SP tlog-policy: the log's key, and who must cosign.
    policy: String,
    tender: String,
    typ: PinTyp,
}

/// A witness's clock may be this far ahead of the machine's before that is told, in microseconds.
const CLOCK_SLACK: i64 = 5 * MINUTE;

/// What a trustee knows of the log from elsewhere, and how the question is answered.
#[derive(clap::Args, Debug)]
pub struct Trusted {
    /// The log's verifier key or a file that holds it, from another place than this bundle; remembered beside the key file
    #[arg(long)]
    pub log_key: Option<String>,
    /// A C2SP tlog-policy file: the log's key and the witnesses that must have cosigned; remembered beside the key file
    #[arg(long, conflicts_with = "log_key")]
    pub policy: Option<PathBuf>,
    /// Root certificates (PEM or DER) of the authorities that must have certified who signed the notices
    #[arg(long)]
    pub ca_roots: Vec<PathBuf>,
    /// Releases without asking, for scripts; the log must be pinned then
    #[arg(long)]
    pub yes: bool,
}

/// Where the questions go and the answers come from.
pub struct Talk<'a> {
    pub told: &'a mut dyn Write,
    pub answers: &'a mut dyn BufRead,
}

impl Talk<'_> {
    /// Whether the person types `yes`.
    fn agrees(&mut self, question: &str) -> anyhow::Result<bool> {
        write!(self.told, "{question} Type yes: ")?;
        self.told.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer.trim() == "yes")
    }
}

/// The file that remembers what was pinned with this key.
pub fn pin_path(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".pin.json");
    PathBuf::from(name)
}

impl Trusted {
    /// What the command line names, if anything.
    fn given(&self) -> anyhow::Result<Option<Policy>> {
        if let Some(path) = &self.policy {
            let policy = read_policy(path)?;
            ensure!(!policy.logs().is_empty(), "{}: the policy names no log", path.display());
            return Ok(Some(policy));
        }
        let Some(text) = &self.log_key else { return Ok(None) };
        let text = std::fs::read_to_string(text).unwrap_or_else(|_| text.clone());
        Ok(Some(Policy::of_log(VerifierKey::parse(text.trim()).context("--log-key")?)))
    }

    /// What is to be believed: what is pinned, what the command line names, or after a question what the platform tells of
    /// itself (`log`: its policy and changes of key). The flag says whether it is to be pinned once the papers agree with it.
    fn policy(
        &self,
        key: &Path,
        tender: &str,
        log: Option<(&str, &str)>,
        talk: &mut Talk<'_>,
    ) -> anyhow::Result<(Policy, bool)> {
        match (self.given()?, pinned(key, tender)?) {
            (Some(given), Some(known)) if given == known => Ok((known, false)),
            (Some(given), Some(known)) => {
                let rotations = log.and_then(|(_, all)| Rotations::parse(all).ok()).unwrap_or_default();
                let keys: Vec<VerifierKey> = known.logs().iter().map(|log| log.key.clone()).collect();
                let led = rotations.lead_from(&keys);
                let same = witnesses_of(&given) == witnesses_of(&known);
                if same && given.logs().iter().all(|log| led.contains(&log.key)) {
                    return Ok((given, false));
                }
                self.change(key, (&known, &given), talk)?;
                Ok((given, true))
            }
            (Some(given), None) => {
                describe(&given, talk.told)?;
                Ok((given, true))
            }
            (None, Some(known)) => Ok((known, false)),
            (None, None) => Ok((self.first_use(log.map(|(policy, _)| policy), talk)?, true)),
        }
    }

    /// Shows what another policy than the pinned one changes, and asks.
    fn change(
        &self,
        key: &Path,
        (known, given): (&Policy, &Policy),
        talk: &mut Talk<'_>,
    ) -> anyhow::Result<()> {
        ensure!(!self.yes, other(key));
        writeln!(
            talk.told,
            "This is not what you pinned, and no change of key that both keys signed leads there. Pinned:"
        )?;
        describe(known, talk.told)?;
        writeln!(talk.told, "In the file that you name:")?;
        describe(given, talk.told)?;
        let question = "Did the new one reach you another way than through the platform, and shall it replace the old one?";
        ensure!(talk.agrees(question)?, other(key));
        Ok(())
    }

    fn first_use(&self, claimed: Option<&str>, talk: &mut Talk<'_>) -> anyhow::Result<Policy> {
        let missing = "no log key is pinned: give --policy FILE or --log-key KEY, as you got it from another place than the \
                       platform's pages (a notice board, a witness, the supervisor)";
        let claimed = claimed.map(Policy::parse).transpose()?;
        let claimed = claimed.filter(|claimed| !claimed.logs().is_empty() && !self.yes).context(missing)?;
        writeln!(talk.told, "{missing}.\nThe platform says that its log is this one:")?;
        describe(&claimed, talk.told)?;
        ensure!(talk.agrees("Have you compared this with a copy that came another way?")?, missing);
        Ok(claimed)
    }

    /// Has a bundle checked against what is pinned, or is to be pinned; pins it if the bundle holds. `log` is what the bundle says of the
    /// log: its policy and its changes of key.
    ///
    /// # Errors
    /// What `check` finds, or the person does not say yes.
    fn believed<T>(
        &self,
        (key, tender): (&Path, &str),
        log: Option<(&str, &str)>,
        check: impl FnOnce(&Policy) -> Result<T, SealError>,
        talk: &mut Talk<'_>,
    ) -> anyhow::Result<(Policy, T)> {
        let (policy, fresh) = self.policy(key, tender, log, talk)?;
        let found = check(&policy).map_err(in_both_languages)?;
        if fresh {
            remember(key, tender, &policy, talk)?;
        }
        Ok((policy, found))
    }

    /// Checks the bundle of a drill against what is pinned, or is to be pinned and is shown before; pins it if it holds. Gives what
    /// it was checked against.
    ///
    /// # Errors
    /// Something in the bundle is untrue, or the person does not say yes.
    pub fn try_log(
        &self,
        (key, bundle): (&Path, &OpeningBundle),
        now: Moment,
        talk: &mut Talk<'_>,
    ) -> anyhow::Result<Policy> {
        let log = bundle.drill.as_ref().map(|log| (log.policy.as_str(), log.rotations.as_str()));
        let check = |policy: &Policy| bundle.check_drill(policy, now);
        let (policy, ready) = self.believed((key, &bundle.trustees.tender), log, check, talk)?;
        writeln!(talk.told, "log        {}, {} entries now", ready.checkpoint.origin, ready.checkpoint.size)?;
        witnesses(&ready.witnesses, now, talk.told)?;
        Ok(policy)
    }

    /// Checks a bundle, shows what it says, and asks. Gives what it was checked against.
    ///
    /// # Errors
    /// Something in the bundle is untrue, or the person does not say yes.
    pub fn look(
        &self,
        (key, bundle): (&Path, &OpeningBundle),
        now: Moment,
        talk: &mut Talk<'_>,
    ) -> anyhow::Result<Policy> {
        let log = bundle.log.as_ref().map(|log| (log.policy.as_str(), log.rotations.as_str()));
        let check = |policy: &Policy| bundle.check(policy, now);
        let (policy, shown) = self.believed((key, &bundle.trustees.tender), log, check, talk)?;
        self.check_signers(&shown.announced, talk)?;
        show(bundle, &shown, now, talk.told)?;
        if !self.yes && !talk.agrees("Release your shares of these bids to this session?")? {
            bail!("nothing was released");
        }
        Ok(policy)
    }

    /// With roots, whoever signed the notices must be certified under them; without, it is told whom their certificates name.
    fn check_signers(&self, announced: &Announced, talk: &mut Talk<'_>) -> anyhow::Result<()> {
        let mut roots = Vec::new();
        for path in &self.ca_roots {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            let found = certificates(&bytes);
            roots.extend(if found.is_empty() { vec![bytes] } else { found });
        }
        let authority = (!roots.is_empty()).then(|| Authority::of_roots(roots));
        for notice in &announced.notices {
            let signed = Signed {
                statement: notice.statement.clone(),
                signature: notice.signature.clone(),
                certificate: b64u(&notice.certificate),
                at: notice.at,
            };
            let subject = match &authority {
                Some(authority) => {
                    let refused = || in_both_languages(Untrue::NoticeNotCertified(notice.version).into());
                    Some(check_kept(authority, &signed).map_err(|_| refused())?)
                }
                None => claimed_subject(&notice.certificate),
            };
            let (name, code) = subject.map(|found| (found.name, found.credit_code)).unwrap_or_default();
            writeln!(talk.told, "notice {}   signed by {name} ({code})", notice.version)?;
        }
        if authority.is_none() {
            writeln!(
                talk.told,
                "note       these names stand in the certificates, and nobody vouches for them but the platform: --ca-roots FILE demands \
                 that the authorities which you trust issued them"
            )?;
        }
        Ok(())
    }
}

/// What is untrue, in English and in Chinese: trustees are notaries, supervisors and buyers.
fn in_both_languages(error: SealError) -> anyhow::Error {
    match &error {
        SealError::Untrue(untrue) => {
            let key = format!("opening.untrue.{}", untrue.code());
            let chinese = Lang::Chinese.t(&key);
            anyhow::anyhow!("{error}\n{chinese}")
        }
        _ => error.into(),
    }
}

/// Who must cosign by a policy; all of it but the logs.
fn witnesses_of(policy: &Policy) -> String {
    let text = policy.to_string();
    text.lines().filter(|line| !line.starts_with("log ")).collect::<Vec<_>>().join("\n")
}

fn other(key: &Path) -> String {
    let path = pin_path(key);
    format!(
        "do not release: this is not the log key or policy that you pinned in {}. No change of key that both keys signed leads \
         from one to the other. Tell the supervisor; only if you pinned a wrong one, remove that file",
        path.display()
    )
}

fn pinned(key: &Path, tender: &str) -> anyhow::Result<Option<Policy>> {
    let path = pin_path(key);
    if !path.exists() {
        return Ok(None);
    }
    let told = || path.display().to_string();
    let pin: Pin = serde_json::from_slice(&std::fs::read(&path).with_context(told)?).with_context(told)?;
    ensure!(pin.tender == tender, "{} is of the tender {}, not {tender}", path.display(), pin.tender);
    Ok(Some(Policy::parse(&pin.policy).with_context(told)?))
}

fn remember(key: &Path, tender: &str, policy: &Policy, talk: &mut Talk<'_>) -> anyhow::Result<()> {
    let path = pin_path(key);
    let pin = Pin { policy: policy.to_string(), tender: tender.to_owned(), typ: PinTyp };
    std::fs::write(&path, jcs(&pin)).with_context(|| path.display().to_string())?;
    writeln!(talk.told, "pinned     the log's key and policy, in {}", path.display())?;
    Ok(())
}

/// SHA-256 in groups that people can compare.
fn fingerprint(bytes: &[u8]) -> String {
    let hex = hex::encode(sha256(&[bytes]));
    let groups: Vec<&str> = (0..hex.len()).step_by(8).filter_map(|at| hex.get(at..at + 8)).collect();
    groups.join(" ")
}

fn show(bundle: &OpeningBundle, shown: &Shown, now: Moment, told: &mut dyn Write) -> anyhow::Result<()> {
    let (set, announced) = (&bundle.bid_set, &shown.announced);
    writeln!(told, "tender     {} {}", set.tender, announced.title)?;
    writeln!(told, "lot        {}, envelope {}", set.lot, set.envelope.code())?;
    writeln!(
        told,
        "opens      {} (Beijing time), after {} notices and {} moves by outages; this machine's clock says {}",
        announced.opens_at.beijing(),
        announced.notices.len(),
        announced.moved,
        now.beijing()
    )?;
    writeln!(told, "bids       {}", set.bids.len())?;
    if let Some(phase) = &bundle.bidders {
        writeln!(
            told,
            "bidders    {} have given their keys, {} did not come by {}",
            phase.released.len(),
            phase.absent.len(),
            phase.until.beijing()
        )?;
    }
    writeln!(told, "closing    {} entries, at {}", set.closing.size.0, shown.closed_at.beijing())?;
    writeln!(told, "log        {}, {} entries now", shown.checkpoint.origin, shown.checkpoint.size)?;
    witnesses(&shown.witnesses, now, told)?;
    Ok(writeln!(told, "session    {}", fingerprint(&bundle.session.0))?)
}

/// Who cosigned and when; and that this machine's clock is behind theirs, if it is: at an opening it would refuse too long.
fn witnesses(cosigned: &[(String, Moment)], now: Moment, told: &mut dyn Write) -> anyhow::Result<()> {
    if cosigned.is_empty() {
        writeln!(
            told,
            "witnesses  none asked for: nobody outside confirms the time or that there is only one log"
        )?;
    }
    for (name, at) in cosigned {
        writeln!(told, "witness    {name}, at {} by its own clock", at.beijing())?;
        if *at > now.plus(CLOCK_SLACK) {
            writeln!(
                told,
                "warning    that is later than this machine's clock, {}: set it right",
                now.beijing()
            )?;
        }
    }
    Ok(())
}

/// A policy for people: the log's key with its fingerprint, the witnesses by name, and how many of them are needed.
fn describe(policy: &Policy, told: &mut dyn Write) -> anyhow::Result<()> {
    for log in policy.logs() {
        let print = fingerprint(log.key.to_string().as_bytes());
        writeln!(told, "log        {}\n           {print}", log.key)?;
    }
    for witness in policy.witnesses() {
        writeln!(told, "witness    {} {}", witness.name, witness.key)?;
    }
    let text = policy.to_string();
    for line in text.lines().filter(|line| line.starts_with("group ") || line.starts_with("quorum ")) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        writeln!(told, "{what:<10} {rest}")?;
    }
    Ok(())
}
