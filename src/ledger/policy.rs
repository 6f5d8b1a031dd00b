//! Trust policies (C2SP tlog-policy): which logs are known, who witnesses them, and how many witnesses must have
//! cosigned a checkpoint before it is believed. One text file serves the platform, a monitor and an offline verifier.

use super::checkpoint::{Checkpoint, CheckpointError};
use super::note::{KeyKind, Note, VerifierKey};
use super::rotation::Rotations;
use crate::platform::moment::{Moment, SECOND};
use std::fmt;

/// A policy file larger than this is refused unread.
const MAX_POLICY: usize = 1 << 16;
/// At most this many logs, witnesses and groups together.
const MAX_LINES: usize = 128;

/// What is wrong with a policy file, or why a checkpoint does not satisfy it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("line {0} of the policy: {1}")]
    Line(usize, &'static str),
    #[error("the policy has no quorum line")]
    NoQuorum,
    #[error("the policy knows no log named {0}")]
    UnknownLog(String),
    #[error("cosigned by {}, which is not enough", if .0.is_empty() { "no witness".to_owned() } else { .0.join(", ") })]
    NoQuorumMet(Vec<String>),
    /// Enough witnesses cosigned, but some of them too long ago.
    #[error("cosigned too early by {}", .0.join(", "))]
    CosignedBefore(Vec<String>),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// The time of a cosignature.
pub fn moment_of(seconds: u64) -> Moment {
    Moment::from_micros(i64::try_from(seconds).unwrap_or_default().saturating_mul(SECOND))
}

/// A log or a witness that the policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The name that groups and the quorum use; for a log its origin.
    pub name: String,
    pub key: VerifierKey,
    /// Where it is reached: a log's prefix, a witness's submission prefix. Without a slash at its end.
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<String>,
}

/// A policy as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    groups: Vec<Group>,
    /// A witness or group; `None` for `quorum none`.
    quorum: Option<String>,
    /// What the logs say of their own keys; not part of the file.
    rotations: Rotations,
}

/// What a checkpoint that satisfies a policy shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub checkpoint: Checkpoint,
    /// Who cosigned and when, in seconds since 1970 by their own clocks.
    pub cosigners: Vec<(String, u64)>,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// Anything that the format forbids, with its line.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY {
            return Err(PolicyError::Line(1, "the file is too large"));
        }
        let mut policy = Self {
            logs: Vec::new(),
            witnesses: Vec::new(),
            groups: Vec::new(),
            quorum: None,
            rotations: Rotations::default(),
        };
        let mut quorum_seen = false;
        for (number, line) in (1..).zip(text.split('\n')) {
            let wrong = |what| PolicyError::Line(number, what);
            if line.bytes().any(|c| c != b'\t' && (c < b' ' || c == 0x7f)) {
                return Err(wrong("a control character"));
            }
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["quorum", _] if quorum_seen => return Err(wrong("a second quorum")),
                ["quorum", name] => {
                    quorum_seen = true;
                    policy.set_quorum(name).map_err(wrong)?;
                }
                words => policy.define(words).map_err(wrong)?,
            }
            if policy.logs.len() + policy.witnesses.len() + policy.groups.len() > MAX_LINES {
                return Err(wrong("too many definitions"));
            }
        }
        if quorum_seen { Ok(policy) } else { Err(PolicyError::NoQuorum) }
    }

    fn set_quorum(&mut self, name: &str) -> Result<(), &'static str> {
        if name != "none" && !self.defines(name) {
            return Err("the quorum names neither a witness nor a group defined above");
        }
        self.quorum = (name != "none").then(|| name.to_owned());
        Ok(())
    }

    fn define(&mut self, words: &[&str]) -> Result<(), &'static str> {
        match words {
            ["log", key, url @ ..] => {
                let key = read_key(key, KeyKind::Signer, &self.logs)?;
                let url = read_url(url)?;
                self.logs.push(Party { name: key.name().to_owned(), key, url });
            }
            ["witness", name, key, url @ ..] => {
                self.check_new(name)?;
                let key = read_key(key, KeyKind::Witness, &self.witnesses)?;
                self.witnesses.push(Party { name: (*name).to_owned(), key, url: read_url(url)? });
            }
            ["group", name, threshold, members @ ..] => {
                self.check_new(name)?;
                let group = self.read_group(name, threshold, members)?;
                self.groups.push(group);
            }
            _ => return Err("not a log, witness, group or quorum line"),
        }
        Ok(())
    }

    fn read_group(&self, name: &str, threshold: &str, members: &[&str]) -> Result<Group, &'static str> {
        let threshold = match threshold {
            "all" => members.len(),
            "any" => 1,
            number => super::checkpoint::parse_decimal(number)
                .and_then(|number| usize::try_from(number).ok())
                .ok_or("the threshold is neither all, any nor a number")?,
        };
        if threshold == 0 || threshold > members.len() {
            return Err("the threshold is not between 1 and the number of members");
        }
        for (at, member) in members.iter().enumerate() {
            if !self.defines(member) {
                return Err("a member is not defined above");
            }
            let taken = members[..at].contains(member)
                || self.groups.iter().any(|group| group.members.iter().any(|known| known == member));
            if taken {
                return Err("a member is in a group already");
            }
        }
        let members = members.iter().map(|&member| member.to_owned()).collect();
        Ok(Group { name: name.to_owned(), threshold, members })
    }

    fn defines(&self, name: &str) -> bool {
        let witness = self.witnesses.iter().any(|witness| witness.name == name);
        witness || self.groups.iter().any(|group| group.name == name)
    }

    fn check_new(&self, name: &str) -> Result<(), &'static str> {
        if name == "none" || self.defines(name) { Err("the name is taken") } else { Ok(()) }
    }

    pub fn logs(&self) -> &[Party] {
        &self.logs
    }

    pub fn witnesses(&self) -> &[Party] {
        &self.witnesses
    }

    /// A policy that knows one log and asks for no witness.
    pub fn of_log(key: VerifierKey) -> Self {
        Self {
            logs: vec![Party { name: key.name().to_owned(), key, url: None }],
            witnesses: Vec::new(),
            groups: Vec::new(),
            quorum: None,
            rotations: Rotations::default(),
        }
    }

    /// Whether any witness must have cosigned.
    pub fn asks_for_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// The same policy for a log that changed its key: if it knows one key of the chain, it believes each of them for the
    /// sizes that it signed.
    #[must_use]
    pub fn following(&self, rotations: &Rotations) -> Self {
        let known: Vec<VerifierKey> = self.logs.iter().map(|log| log.key.clone()).collect();
        let mut followed = self.clone();
        followed.rotations = rotations.clone();
        for key in rotations.lead_from(&known).into_iter().skip(known.len()) {
            followed.logs.push(Party { name: key.name().to_owned(), key, url: None });
        }
        followed
    }

    /// The keys of the logs and witnesses that this policy knows.
    fn keys(&self) -> Vec<VerifierKey> {
        self.logs.iter().chain(&self.witnesses).map(|party| party.key.clone()).collect()
    }

    /// Judges a checkpoint note: a known log signed it, and enough witnesses cosigned it.
    ///
    /// # Errors
    /// What is missing or false.
    pub fn judge(&self, note: &[u8]) -> Result<Judged, PolicyError> {
        let (checkpoint, cosigners) = self.read(note)?;
        let names: Vec<&str> = cosigners.iter().map(|(name, _)| name.as_str()).collect();
        match &self.quorum {
            Some(quorum) if !self.witnessed(quorum, &names) => {
                Err(PolicyError::NoQuorumMet(names.iter().map(|&name| name.to_owned()).collect()))
            }
            _ => Ok(Judged { checkpoint, cosigners }),
        }
    }

    /// As [`Policy::judge`], but only witnesses count who cosigned at `since` or later by their own clocks. Witnesses tell the
    /// time in whole seconds, and the fraction is taken to be zero.
    ///
    /// # Errors
    /// As [`Policy::judge`]; [`PolicyError::CosignedBefore`] if the quorum is met only with older cosignatures.
    pub fn judge_since(&self, note: &[u8], since: Moment) -> Result<Judged, PolicyError> {
        let judged = self.judge(note)?;
        let is_late = |at: &u64| moment_of(*at) >= since;
        let late: Vec<&str> =
            judged.cosigners.iter().filter(|(_, at)| is_late(at)).map(|(name, _)| name.as_str()).collect();
        match &self.quorum {
            Some(quorum) if !self.witnessed(quorum, &late) => {
                let early = judged.cosigners.iter().filter(|(_, at)| !is_late(at));
                let told = early.map(|(name, at)| format!("{name} ({})", moment_of(*at).rfc3339()));
                Err(PolicyError::CosignedBefore(told.collect()))
            }
            _ => Ok(judged),
        }
    }

    /// The checkpoint of a known log and who of the known witnesses cosigned it, however few.
    ///
    /// # Errors
    /// No known log signed it, or a signature of a known key is false.
    pub fn read(&self, note: &[u8]) -> Result<(Checkpoint, Vec<(String, u64)>), PolicyError> {
        let parsed = Note::parse(note).map_err(CheckpointError::from)?;
        let origin = Checkpoint::parse(parsed.text())?.origin;
        if !self.logs.iter().any(|log| log.name == origin) {
            return Err(PolicyError::UnknownLog(origin));
        }
        let keys = self.keys();
        let (checkpoint, signers) = Checkpoint::open_in_term(note, &origin, &keys, &self.rotations)?;
        let cosigners = self.witnesses.iter().filter(|witness| signers.contains(&&witness.key));
        let timed = cosigners
            .filter_map(|witness| Some((witness.name.clone(), parsed.cosigned_at(&witness.key)?)))
            .collect();
        Ok((checkpoint, timed))
    }

    /// Whether `name` counts as having witnessed, given the witnesses that cosigned. Groups name only what stands above
    /// them, so this ends.
    fn witnessed(&self, name: &str, cosigners: &[&str]) -> bool {
        match self.groups.iter().find(|group| group.name == name) {
            Some(group) => {
                let count = group.members.iter().filter(|member| self.witnessed(member, cosigners)).count();
                count >= group.threshold
            }
            None => cosigners.contains(&name),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = |party: &Party| party.url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        self.logs.iter().try_for_each(|log| writeln!(f, "log {}{}", log.key, url(log)))?;
        self.witnesses.iter().try_for_each(|witness| {
            writeln!(f, "witness {} {}{}", witness.name, witness.key, url(witness))
        })?;
        self.groups.iter().try_for_each(|group| {
            writeln!(f, "group {} {} {}", group.name, group.threshold, group.members.join(" "))
        })?;
        writeln!(f, "quorum {}", self.quorum.as_deref().unwrap_or("none"))
    }
}

fn read_key(text: &str, kind: KeyKind, known: &[Party]) -> Result<VerifierKey, &'static str> {
    let key = VerifierKey::parse(text).map_err(|_| "not a verifier key")?;
    if key.kind() != kind {
        return Err("a verifier key of the wrong kind: logs have type 1, witnesses type 4");
    }
    if known.iter().any(|party| party.key.public() == key.public()) {
        return Err("the same key twice");
    }
    Ok(key)
}

fn read_url(words: &[&str]) -> Result<Option<String>, &'static str> {
    match words {
        [] => Ok(None),
        [url] => Ok(Some(url.trim_end_matches('/').to_owned())),
        _ => Err("more words than the line may have"),
    }
}
