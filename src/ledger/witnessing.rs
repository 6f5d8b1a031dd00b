//! What the clock does for the log: asks the witnesses of the policy to cosign new checkpoints, has closing checkpoints
//! stamped by an RFC 3161 authority, and enters lines that only hide how much happens.
//!
//! Nothing here changes what counts. A witness that is away is asked again at the next slot; the closing checkpoints
//! come first and in order, because a witness never cosigns a smaller tree after a larger one.

use super::act::{Act, Actor, EntryId, Event, Subject};
use super::door::Door;
use super::note::{Note, Signature, VerifierKey};
use super::policy::{Party, Policy};
use super::rotation::Rotations;
use super::rotation_store;
use super::store::{self, Kept, Tiles};
use super::witness::Request;
use super::{timestamp, tree};
use crate::platform::config::Config;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::pem::read_certificates;
use crate::platform::random;
use crate::platform::refusal::{Failure, Fault};
use crate::platform::waiting::Waiting;
use futures_util::future::join_all;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// How long a witness or authority may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer longer than this is not read further.
const ANSWER_MAX: usize = timestamp::MAX_TOKEN;

/// The policy that the configuration names.
///
/// # Errors
/// The file can not be read, is not a policy, or does not know this log.
pub(super) fn read_policy(
    config: &Config,
    log: &VerifierKey,
    rotations: &Rotations,
) -> Result<Option<Policy>, Fault> {
    if config.log_policy.is_empty() {
        return Ok(None);
    }
    let reading = |fault: Fault| fault.context(format!("reading the log policy {}", config.log_policy));
    let text = std::fs::read_to_string(&config.log_policy).map_err(|e| reading(e.into()))?;
    let policy = Policy::parse(&text).map_err(|e| reading(e.into()))?;
    if policy.following(rotations).logs().iter().any(|known| known.key == *log) {
        Ok(Some(policy))
    } else {
        Err(reading(Fault::new(format!("it does not know this log; add the line: log {log}"))))
    }
}

/// Gets the cosignatures and time-stamps that are missing.
///
/// # Errors
/// The database fails. A witness or authority that does not answer is told in the server's log.
pub async fn due(door: &Door) -> Result<(), Failure> {
    let witnessed = door.log_policy().is_some_and(Policy::asks_for_witnesses);
    let stamped = !door.config().timestamp_url.is_empty();
    if !witnessed && !stamped {
        return Ok(());
    }
    if witnessed {
        keep_head(door).await?;
    }
    let http = reqwest::Client::builder().timeout(PATIENCE).build().map_err(Fault::from)?;
    if let Some(policy) = door.log_policy().filter(|_| witnessed) {
        let waiting = door.look(|db| {
            let met = store::newest_met(db)?.map_or(0, |kept| kept.size);
            Ok(store::unwitnessed(db, met)?)
        });
        let rotations = door.look(|db| Ok(rotation_store::rotations(db)?)).await?;
        let policy = policy.following(&rotations);
        for kept in wanted(waiting.await?, &rotations) {
            cosign(door, &http, &policy, &rotations, &kept).await?;
        }
    }
    if stamped {
        for kept in door.look(|db| Ok(store::unstamped(db)?)).await? {
            stamp(door, &http, &kept).await?;
        }
    }
    Ok(())
}

/// Of the checkpoints that wait for cosignatures: the closings', the last before each change of key, and the newest, which speaks
/// for all others. After a witness was away for long, the rest would only keep it busy.
fn wanted(mut waiting: Vec<Kept>, rotations: &Rotations) -> Vec<Kept> {
    let newest = waiting.last().map(|kept| kept.size);
    let last_of_key = |size: u64| rotations.list().iter().any(|rotation| rotation.size == size);
    waiting.retain(|kept| kept.pinned || Some(kept.size) == newest || last_of_key(kept.size));
    waiting
}

/// The newest checkpoint of `above` entries or more that enough witnesses cosigned, by their own clocks not before `since`, and its
/// size; without witnesses the newest of all. `None` as long as too few have cosigned.
///
/// # Errors
/// The log is shorter than `above`, or the database fails.
pub fn newest_shown(
    door: &Door,
    db: &mut Db,
    above: u64,
    since: Moment,
) -> Result<Option<(u64, String)>, Fault> {
    if let Some(policy) = door.log_policy().filter(|policy| policy.asks_for_witnesses()) {
        let policy = policy.following(&rotation_store::rotations(db)?);
        let late = |kept: &Kept| policy.judge_since(kept.note.as_bytes(), since).is_ok();
        let met = store::newest_met(db)?.filter(|kept| kept.size >= above && late(kept));
        return Ok(met.map(|kept| (kept.size, kept.note)));
    }
    let head = store::head(db)?.filter(|head| head.size >= above);
    let head = head.ok_or_else(|| Fault::new("the log is shorter than its own entries"))?;
    Ok(Some((head.size, head.note)))
}

/// Keeps the newest checkpoint, if the log has grown since the last one that was cosigned.
async fn keep_head(door: &Door) -> Result<(), Failure> {
    let grown = door.look(|db| {
        let met = store::newest_met(db)?.map_or(0, |kept| kept.size);
        Ok(store::head(db)?.filter(|head| head.size > met))
    });
    let Some(head) = grown.await? else { return Ok(()) };
    let keep = move |act: &mut Act<'_>| Ok(store::keep(act.db(), head.size, &head.note, false)?);
    door.act(Actor::system("witnessing"), keep).await?;
    Ok(())
}

async fn cosign(
    door: &Door,
    http: &reqwest::Client,
    policy: &Policy,
    rotations: &Rotations,
    kept: &Kept,
) -> Result<(), Failure> {
    let mut note = Note::parse(kept.note.as_bytes()).map_err(Fault::from)?;
    // side by side: one that does not answer must not make the others wait
    let missing = policy
        .witnesses()
        .iter()
        .filter(|witness| !note.signatures().iter().any(|line| line.is_of(&witness.key)));
    let asked = missing.filter_map(|witness| {
        let (url, note) = (witness.url.as_deref()?, &note);
        Some(async move {
            let mut asked = ask(door, http, witness, url, kept.size, note).await;
            if matches!(&asked, Err(NotCosigned::UnknownKey(_))) && tell_rotations(http, url, rotations).await
            {
                asked = ask(door, http, witness, url, kept.size, note).await;
            }
            (witness, asked)
        })
    });
    for (witness, answer) in join_all(asked.collect::<Vec<_>>()).await {
        match answer {
            Ok(line) => note = note.with(line),
            Err(NotCosigned::UnknownKey(why) | NotCosigned::Other(why)) => {
                tracing::warn!(witness = witness.name, size = kept.size, why, "no cosignature")
            }
        }
    }
    let text = note.to_string();
    if text == kept.note {
        return Ok(());
    }
    let (size, met) = (kept.size, policy.judge(text.as_bytes()).is_ok());
    let put = move |act: &mut Act<'_>| {
        act.tell("ledger");
        Ok(store::put_cosigned(act.db(), size, &text, met)?)
    };
    door.act(Actor::system("witnessing"), put).await?;
    Ok(())
}

/// As if the witnesses had been asked just now and this note, which they cosigned, had come back.
#[cfg(test)]
pub(crate) fn answered(door: &Door, note: &Note) -> Result<(), Failure> {
    let (size, text) =
        (super::checkpoint::Checkpoint::parse(note.text()).map_err(Fault::from)?.size, note.to_string());
    let met = door.log_policy().is_some_and(|policy| policy.judge(text.as_bytes()).is_ok());
    let put = move |act: &mut Act<'_>| {
        store::keep(act.db(), size, &text, false)?;
        Ok(store::put_cosigned(act.db(), size, &text, met)?)
    };
    door.write(Actor::system("witnessing"), put).map(drop)
}

/// Why a witness gave no cosignature.
enum NotCosigned {
    /// It does not believe the key that signed: perhaps it has not heard that the log changed it.
    UnknownKey(String),
    Other(String),
}

impl<T: Into<String>> From<T> for NotCosigned {
    fn from(why: T) -> Self {
        Self::Other(why.into())
    }
}

/// Tells a witness of the log's changes of key. Returns whether it took them; one that does not know this request must be
/// told the new key by its keeper.
async fn tell_rotations(http: &reqwest::Client, url: &str, rotations: &Rotations) -> bool {
    if rotations.list().is_empty() {
        return false;
    }
    let told = post(http, &format!("{url}/add-rotation"), "text/plain", rotations.to_string()).await;
    matches!(told, Ok((200, _)))
}

/// Asks one witness; if it stands elsewhere than we thought, once more from there.
async fn ask(
    door: &Door,
    http: &reqwest::Client,
    witness: &Party,
    url: &str,
    size: u64,
    note: &Note,
) -> Result<Signature, NotCosigned> {
    let told = |failure: Failure| failure.to_string();
    let mut old = door.look(|db| Ok(store::newest_met(db)?)).await.map_err(told)?.map_or(0, |kept| kept.size);
    for _ in 0..2 {
        if old > size {
            old = 0;
        }
        let from = old;
        let proof = door
            .look(move |db| Ok(tree::consistency_proof(&Tiles::new(db), from, size).map_err(Fault::from)?))
            .await
            .map_err(told)?;
        let request = Request { old, proof, checkpoint: note.clone() }.to_string();
        let (status, body) = post(http, &format!("{url}/add-checkpoint"), "text/plain", request).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        match status {
            200 => {
                let lines = body.lines().filter_map(Signature::parse);
                let line = lines.into_iter().find(|line| line.is_of(&witness.key));
                let line = line.ok_or("the answer has no line of the witness's key")?;
                let alone = Note::parse(format!("{}\n{line}\n", note.text()).as_bytes());
                let fits =
                    alone.and_then(|alone| alone.verify(std::slice::from_ref(&witness.key)).map(|_| ()));
                return Ok(fits.map(|()| line).map_err(|e| e.to_string())?);
            }
            409 => match body.trim_end().parse::<u64>() {
                Ok(theirs) if theirs != old && theirs <= size => old = theirs,
                _ => return Err(format!("the witness stands at {}, we at {size}", body.trim_end()).into()),
            },
            403 => return Err(NotCosigned::UnknownKey(body.trim_end().to_owned())),
            _ => return Err(format!("status {status}: {}", body.trim_end()).into()),
        }
    }
    Err("the witness does not say where it stands".into())
}

async fn stamp(door: &Door, http: &reqwest::Client, kept: &Kept) -> Result<(), Failure> {
    match token(door.config(), http, kept).await {
        Ok((token, at)) => {
            let size = kept.size;
            let put = move |act: &mut Act<'_>| Ok(store::put_token(act.db(), size, &token, at)?);
            door.act(Actor::system("witnessing"), put).await?;
        }
        Err(why) => tracing::warn!(size = kept.size, why, "no time-stamp"),
    }
    Ok(())
}

async fn token(config: &Config, http: &reqwest::Client, kept: &Kept) -> Result<(Vec<u8>, Moment), String> {
    let note = Note::parse(kept.note.as_bytes()).map_err(|e| e.to_string())?;
    let request = timestamp::Request::new(note.text());
    let (status, body) =
        post(http, &config.timestamp_url, "application/timestamp-query", request.to_der()).await?;
    if status != 200 {
        return Err(format!("status {status}"));
    }
    let token = request.token(&body).map_err(|e| e.to_string())?;
    let roots = read_certificates(Path::new(&config.timestamp_roots)).map_err(|fault| fault.chain())?;
    let at = timestamp::verify(&token, note.text(), &roots).map_err(|e| e.to_string())?;
    Ok((token, at))
}

async fn post(
    http: &reqwest::Client,
    url: &str,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> Result<(u16, Vec<u8>), String> {
    let sent = http.post(url).header("Content-Type", kind).body(body).send().await;
    let mut answer = sent.map_err(|e| e.to_string())?;
    let (status, mut bytes) = (answer.status().as_u16(), Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|e| e.to_string())? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_MAX {
            return Err("the answer is too long".into());
        }
    }
    Ok((status, bytes))
}

/// [`due`] for the ticker, whose threads are blocking ones.
///
/// # Errors
/// As [`due`].
pub fn run(door: &Door) -> Result<(), Fault> {
    Waiting::here()?.on(due(door)).map_err(Failure::into_fault)
}

/// An entry about nothing, in the database as long as one whose bodies are padded to `PAD` bytes.
#[derive(Serialize)]
struct Cover<const PAD: usize>;

impl<const PAD: usize> Event for Cover<PAD> {
    const KIND: &'static str = "ledger.covered";
    const NUMBER: u8 = 0;
    const PAD: usize = PAD;

    fn object(&self, _: Moment, _: &Actor) -> Vec<u8> {
        Vec::new()
    }
}

/// Enters, as part of an act, a line about nothing whose row looks like one about `subject` with bodies padded to `PAD` bytes.
///
/// # Errors
/// The database fails.
pub fn enter_cover_of<const PAD: usize>(act: &mut Act<'_>, subject: &Subject) -> Result<EntryId, Fault> {
    act.enter(subject, &Cover::<PAD>)
}

/// Whether it is time for something that happens at random moments, on average once in `mean` seconds, when asked every `every`
/// seconds. Never if `mean` is 0.
pub fn strikes(mean: u64, every: u64) -> bool {
    mean != 0 && u64::from_be_bytes(random::bytes()) % mean < every
}

/// Enters a line that hides how much happens, on average one in `cover_seconds` when called every `every` seconds.
/// The moments are random, so that nobody can subtract these lines from the rest.
///
/// # Errors
/// The database fails.
pub fn cover(door: &Door, every: u64) -> Result<(), Fault> {
    if strikes(door.config().cover_seconds, every) { enter_cover(door) } else { Ok(()) }
}

/// Gives witnesses something new to cosign if they have cosigned all there is: a cosignature bears the time at which it was
/// made, and who wants a later one waits for the log to grow.
///
/// # Errors
/// The database fails.
pub fn nudge(door: &Door) -> Result<(), Fault> {
    let met_all = door.read(|db| {
        let met = store::newest_met(db)?.map_or(0, |kept| kept.size);
        Ok::<_, Fault>(store::head(db)?.is_none_or(|head| head.size <= met))
    })?;
    if met_all { enter_cover(door) } else { Ok(()) }
}

fn enter_cover(door: &Door) -> Result<(), Fault> {
    let entered = door.write(Actor::system("cover"), |act| Ok(act.enter(&Subject::None, &Cover::<1>)?));
    entered.map(|_| ()).map_err(Failure::into_fault)
}
